//! A small HTTP server on a port of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The end of a head.
const END: &[u8] = b"\r\n\r\n";

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    async fn read(client: &mut TcpStream) -> std::io::Result<Request> {
        let mut head = Vec::new();
        while !head.ends_with(END) {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut words = head.split(' ').map(str::to_owned);
        let mut request = Request {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            head,
            body: Vec::new(),
        };
        let length = request.header("content-length");
        request.body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
        client.read_exact(&mut request.body).await?;
        Ok(request)
    }

    /// The body of what another server answers to it.
    pub(crate) async fn forward(&self, host: &str) -> std::io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(host).await?;
        let (first, fields) = self.head.split_once("\r\n").unwrap_or_default();
        let head = format!("{first}\r\nConnection: close\r\n{fields}");
        server.write_all(head.as_bytes()).await?;
        server.write_all(&self.body).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        let end = answer.windows(END.len()).position(|bytes| bytes == END);
        Ok(answer.split_off(end.map_or(answer.len(), |at| at + END.len())))
    }
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn ok(body: Vec<u8>) -> Reply {
        Reply {
            status: 200,
            headers: String::new(),
            body,
        }
    }

    pub(crate) fn of(document: &Value) -> Reply {
        Reply::ok(document.to_string().into_bytes())
    }

    pub(crate) fn not_found() -> Reply {
        Reply {
            status: 404,
            ..Reply::ok(b"{}".to_vec())
        }
    }
}

pub(crate) type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Ports for [`free_port`]: below those that Linux gives to whoever asks for any, or else one of these would have the port by the time that
/// a server is started on it.
const PORTS: std::ops::Range<u32> = 12_000..32_000;

/// Ports between the first of a process and the first of the next one: more than a process takes.
const FAR_APART: u32 = 1_009;

/// An address of this machine that nobody listens at now, each only once in a process.
#[must_use]
pub fn free_port() -> String {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Processes that run side by side begin at different places.
    let first = std::process::id().wrapping_mul(FAR_APART);
    let free = PORTS.into_iter().find_map(|_| {
        let place = first.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed));
        let address = format!("127.0.0.1:{}", PORTS.start + place % PORTS.len() as u32);
        std::net::TcpListener::bind(&address)
            .is_ok()
            .then_some(address)
    });
    free.expect("there is a free port")
}

/// Starts a server on a free port and gives back host and port.
pub(crate) fn serve(answer: impl Fn(Request) -> Answering + Send + Sync + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener
        .set_nonblocking(true)
        .expect("a socket can be asked not to block");
    let host = listener.local_addr().expect("it has one").to_string();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).expect("it does not block");
        while let Ok((client, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            // A client that goes away is none of the server's failures.
            tokio::spawn(async move { connection(client, &*answer).await });
        }
    });
    host
}

/// Serves the requests of one connection, one after the other.
async fn connection(
    mut client: TcpStream,
    answer: &(impl Fn(Request) -> Answering + Sync),
) -> std::io::Result<()> {
    loop {
        let request = Request::read(&mut client).await?;
        let reply = answer(request).await;
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-type: application/json\r\n{}content-length: {}\r\n\r\n",
            reply.status,
            reply.headers,
            reply.body.len()
        );
        client.write_all(head.as_bytes()).await?;
        client.write_all(&reply.body).await?;
    }
}
