//! The parts of AWS that a function talks to, as small servers of a test.
//!
//! [`RuntimeApi`] is Lambda's, one for each environment, as there: what an environment that was killed had asked for is nobody else's answer.
//! [`Cloud`] is ECR's `GetAuthorizationToken`, whose token lasts; a parameter; an event bus; an address at which a stack's answer is waited for.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The registry's user and password, as ECR's tokens have them.
pub const LOGIN: (&str, &str) = ("AWS", "hunter2");

/// Base64 of `AWS:hunter2`.
pub const TOKEN: &str = "QVdTOmh1bnRlcjI=";

/// The account and Region of everything here.
pub const ACCOUNT: &str = "123456789012";
/// See [`ACCOUNT`].
pub const REGION: &str = "eu-central-1";

/// A request that the cloud answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, or the method where there is none.
    pub name: String,
    /// The path with its query.
    pub path: String,
    /// The body, if it is JSON.
    pub body: Value,
}

#[derive(Default)]
struct Called {
    calls: Vec<Call>,
    parameter: String,
}

/// AWS's services.
pub struct Cloud {
    host: String,
    state: Arc<Mutex<Called>>,
}

impl Cloud {
    /// Starts it; it ends with the runtime of its test.
    #[must_use]
    pub fn start() -> Cloud {
        let state: Arc<Mutex<Called>> = Arc::default();
        let called = Arc::clone(&state);
        let host = serve(move |request| {
            let reply = lock(&called).answer(&request);
            Box::pin(std::future::ready(reply))
        });
        Cloud { host, state }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the parameter holds.
    pub fn set_parameter(&self, value: &str) {
        value.clone_into(&mut lock(&self.state).parameter);
    }

    /// Everything that was called since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }

    /// An address for a stack's answer.
    #[must_use]
    pub fn answer_address(&self) -> String {
        format!(
            "http://{}/answers/1?X-Amz-Signature=SignedAnswerAddress",
            self.host
        )
    }
}

impl Called {
    fn answer(&mut self, request: &Request) -> Reply {
        let name = request.header("x-amz-target");
        let name = name.as_deref().unwrap_or(&request.method);
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        let answer = match name.as_str() {
            // Far behind this test.
            "GetAuthorizationToken" => {
                json!({"authorizationData": [{"authorizationToken": TOKEN, "expiresAt": 4_000_000_000_u32}]})
            }
            "GetParameter" => json!({"Parameter": {"Value": self.parameter}}),
            "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
            _ => json!({}),
        };
        self.calls.push(Call {
            name,
            path: request.path.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        });
        Reply::ok(answer.to_string().into_bytes())
    }
}

#[derive(Default)]
struct Invocations {
    /// To be handed out: identifier, seconds, payload.
    waiting: VecDeque<(String, Duration, Vec<u8>)>,
    /// What came back: identifier, whether it went well, document.
    ended: Vec<(String, bool, Value)>,
    /// When the runtime API was first asked.
    first_asked: Option<Instant>,
}

/// Lambda's runtime API for one environment: hands out invocations and takes what comes back.
pub struct RuntimeApi {
    host: String,
    state: Arc<Mutex<Invocations>>,
    changed: Arc<Notify>,
}

impl RuntimeApi {
    /// Starts it; it ends with the runtime of its test.
    #[must_use]
    pub fn start() -> RuntimeApi {
        let (state, changed): (Arc<Mutex<Invocations>>, Arc<Notify>) = Default::default();
        let (kept, notified) = (Arc::clone(&state), Arc::clone(&changed));
        let host = serve(move |request| {
            let (kept, notified) = (Arc::clone(&kept), Arc::clone(&notified));
            Box::pin(async move {
                match request.path.strip_prefix("/2018-06-01/runtime/") {
                    Some("invocation/next") => next(&kept, &notified).await,
                    Some(rest) => lock(&kept).end(rest, &request.body),
                    None => Reply::not_found(),
                }
            })
        });
        RuntimeApi {
            host,
            state,
            changed,
        }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Puts an invocation into the queue, for at most so long.
    pub fn invoke(&self, id: &str, time: Duration, payload: Vec<u8>) {
        let invocation = (id.to_owned(), time, payload);
        lock(&self.state).waiting.push_back(invocation);
        self.changed.notify_waiters();
    }

    /// What came back of an invocation, once: whether it went well, and the document.
    #[must_use]
    pub fn take(&self, id: &str) -> Option<(bool, Value)> {
        let mut state = lock(&self.state);
        let place = state.ended.iter().position(|(ended, ..)| ended == id)?;
        let (_, well, document) = state.ended.remove(place);
        Some((well, document))
    }

    /// When it was first asked for an invocation.
    #[must_use]
    pub fn first_asked(&self) -> Option<Instant> {
        lock(&self.state).first_asked
    }
}

/// Waits for an invocation and hands it out.
async fn next(state: &Mutex<Invocations>, changed: &Notify) -> Reply {
    loop {
        let waiting = changed.notified();
        tokio::pin!(waiting);
        waiting.as_mut().enable();
        let invocation = {
            let mut state = lock(state);
            state.first_asked.get_or_insert_with(Instant::now);
            state.waiting.pop_front()
        };
        if let Some((id, time, payload)) = invocation {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let end = now.expect("after 1970") + time;
            let headers = format!(
                "lambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {}\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:{REGION}:{ACCOUNT}:function:soci\r\n",
                end.as_millis()
            );
            return Reply {
                headers,
                ..Reply::ok(payload)
            };
        }
        waiting.await;
    }
}

impl Invocations {
    /// Keeps what came back.
    fn end(&mut self, path: &str, body: &[u8]) -> Reply {
        let document = serde_json::from_slice(body).unwrap_or_default();
        let mut parts = path.rsplit('/');
        let how = parts.next().unwrap_or_default();
        let id = parts.next().unwrap_or_default().to_owned();
        self.ended.push((id, how == "response", document));
        Reply {
            status: 202,
            ..Reply::ok(b"{\"status\":\"OK\"}".to_vec())
        }
    }
}

struct Request {
    method: String,
    path: String,
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<String> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    async fn read(client: &mut TcpStream) -> std::io::Result<Request> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
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
}

struct Reply {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Reply {
    fn ok(body: Vec<u8>) -> Reply {
        Reply {
            status: 200,
            headers: String::new(),
            body,
        }
    }

    fn not_found() -> Reply {
        Reply {
            status: 404,
            ..Reply::ok(b"{}".to_vec())
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Starts a server on a free port and gives back host and port.
fn serve(answer: impl Fn(Request) -> Answering + Send + Sync + 'static) -> String {
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

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().expect("no test panics here")
}
