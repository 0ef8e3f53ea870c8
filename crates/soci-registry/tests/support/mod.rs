//! A server that does what a test tells it to, down to where it cuts the connection, and what tests need around it.
//!
//! It speaks HTTP/1.1 over plain TCP by itself, because an HTTP library would not cut, stall or lie about a length.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a failure here is a failed test"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use soci_registry::{
    Anonymous, Credentials, Http, HttpOptions, RegistryOptions, RegistryStore, RetryPolicy, Sleeper,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    /// First byte of a range request.
    pub(crate) fn range_start(&self) -> Option<usize> {
        self.range()?.0.parse().ok()
    }

    /// Last byte of a range request.
    fn range_last(&self) -> Option<usize> {
        self.range()?.1.parse().ok()
    }

    fn range(&self) -> Option<(&str, &str)> {
        self.header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<usize>,
    then: Then,
    after: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Done,
    Close,
    Stall,
    HangUp,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let after = body.len();
        Answer {
            status,
            headers: Vec::new(),
            body,
            length: None,
            then: Then::Done,
            after,
        }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Answer {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// An error as registries write it.
    pub(crate) fn error(status: u16, code: &str) -> Answer {
        Answer::new(
            status,
            format!(r#"{{"errors":[{{"code":"{code}","message":"it is so"}}]}}"#),
        )
    }

    pub(crate) fn redirect(location: &str) -> Answer {
        Answer::new(307, "over there").with("location", location)
    }

    /// Closes the connection before the answer.
    pub(crate) fn hang_up() -> Answer {
        Answer {
            then: Then::HangUp,
            ..Answer::new(200, "")
        }
    }

    /// Closes the connection after so many bytes of the body, whose whole length is announced.
    pub(crate) fn cut_after(self, bytes: usize) -> Answer {
        Answer {
            then: Then::Close,
            after: bytes.min(self.body.len()),
            ..self
        }
    }

    /// Says nothing more after so many bytes of the body.
    pub(crate) fn stall_after(self, bytes: usize) -> Answer {
        Answer {
            then: Then::Stall,
            after: bytes.min(self.body.len()),
            ..self
        }
    }

    /// Announces another length than the body has.
    pub(crate) fn claiming(self, length: usize) -> Answer {
        Answer {
            length: Some(length),
            ..self
        }
    }

    /// The bytes of this content that were asked for, with a proper Content-Range.
    pub(crate) fn ranged(asked: &Asked, content: &[u8]) -> Answer {
        match asked.range_start() {
            None => Answer::new(200, content),
            Some(from) => {
                let last = content.len() - 1;
                let last = asked.range_last().unwrap_or(last).min(last);
                let range = format!("bytes {from}-{last}/{}", content.len());
                Answer::new(206, &content[from..=last]).with("content-range", range)
            }
        }
    }
}

type Handler = dyn Fn(&Asked) -> Answer + Send + Sync;

/// The server. Stops being of use with the runtime of its test.
pub(crate) struct Server {
    /// 127.0.0.1 with its port.
    pub(crate) host: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn start(
        handler: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (handler, seen): (Arc<Handler>, _) = (Arc::new(handler), log.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, handler.clone(), seen.clone()));
            }
        });
        Server { host, log }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }

    /// An address at which nobody listens.
    pub(crate) fn nobody() -> Server {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        Server {
            host: closed.local_addr().unwrap().to_string(),
            log: Arc::default(),
        }
    }

    /// All requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests had this method and a path that contains this.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.asked()
            .iter()
            .filter(|asked| asked.method == method && asked.path.contains(path))
            .count()
    }

    /// The repository `app` of this server, by default without credentials, over plain http, never waiting.
    pub(crate) fn store(&self) -> RegistryStore {
        self.store_with(Anonymous, retries())
    }

    pub(crate) fn store_with(
        &self,
        credentials: impl Credentials + 'static,
        retry: RetryPolicy,
    ) -> RegistryStore {
        let repository = format!("{}/app", self.host).parse().unwrap();
        let options = RegistryOptions {
            plain_http: true,
            retry,
        };
        RegistryStore::new(&http(), repository, Arc::new(credentials), options)
    }
}

pub(crate) fn http() -> Http {
    let idle_timeout = Duration::from_millis(300);
    Http::new(HttpOptions {
        idle_timeout,
        ..HttpOptions::default()
    })
    .unwrap()
}

/// A sleeper that does not, so that retries cost nothing.
struct Awake;

impl Sleeper for Awake {
    fn sleep(&self, _: Duration) -> soci_registry::Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

pub(crate) fn retries() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.attempts = 4;
    policy.deterministic(Arc::new(Awake), 1)
}

async fn serve(mut stream: TcpStream, handler: Arc<Handler>, log: Arc<Mutex<Vec<Asked>>>) {
    // Head and body are two writes; without this the second waits for an acknowledgement.
    stream.set_nodelay(true).unwrap();
    while let Some(asked) = read_request(&mut stream).await {
        let answer = handler(&asked);
        log.lock().unwrap().push(asked.clone());
        if answer.then == Then::HangUp {
            return;
        }
        let length = answer.length.unwrap_or(answer.body.len());
        let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
        let framed = |name: &str| name == "content-length" || name == "transfer-encoding";
        if !answer.headers.iter().any(|(name, _)| framed(name)) {
            head += &format!("content-length: {length}\r\n");
        }
        answer
            .headers
            .iter()
            .for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        let body = if asked.method == "HEAD" {
            &[][..]
        } else {
            &answer.body[..answer.after]
        };
        let head = format!("{head}\r\n");
        if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(body).await.is_err()
        {
            return;
        }
        match answer.then {
            Then::Stall => tokio::time::sleep(Duration::from_secs(60)).await,
            Then::Close => return,
            _ if length != answer.body.len() && asked.method != "HEAD" => return,
            _ => {}
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
        // The first byte of a TLS greeting, of which no line will ever come.
        if head[0] == 0x16 {
            return None;
        }
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let mut asked = Asked {
        method,
        path,
        headers,
        body: Vec::new(),
    };
    asked.body = vec![
        0;
        asked
            .header("content-length")
            .map_or(0, |text| text.parse().unwrap())
    ];
    stream.read_exact(&mut asked.body).await.ok()?;
    Some(asked)
}
