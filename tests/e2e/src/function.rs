//! The function's own program, as Lambda starts it, and around it the parts of AWS that it talks to.
//!
//! [`Cloud`] is one small server: Lambda's runtime API, which hands out invocations and takes what comes back; ECR's `GetAuthorizationToken`,
//! whose token lasts; a parameter; an event bus; an address at which a stack's answer is waited for. The registry is a real one.

use std::collections::VecDeque;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::program;

/// The registry's user and password, as ECR's tokens have them.
pub const LOGIN: (&str, &str) = ("AWS", "hunter2");

/// Base64 of `AWS:hunter2`.
pub const TOKEN: &str = "QVdTOmh1bnRlcjI=";

/// What must be in no line that the function writes: token, password, AWS's key, and the signature of a stack's answer address.
pub const SECRETS: [&str; 5] = [
    TOKEN,
    "hunter2",
    "SecretKeyOfTheRole",
    "SessionOfTheRole",
    "SignedAnswerAddress",
];

/// The account and Region of everything here.
pub const ACCOUNT: &str = "123456789012";
/// See [`ACCOUNT`].
pub const REGION: &str = "eu-central-1";

/// Longest wait for anything in a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request that the cloud answered, other than the runtime API's.
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
struct State {
    /// Invocations to be handed out: identifier, seconds, payload.
    waiting: VecDeque<(String, Duration, Vec<u8>)>,
    /// What came back: identifier, whether it went well, document.
    ended: Vec<(String, bool, Value)>,
    calls: Vec<Call>,
    parameter: String,
    /// When the runtime API was first asked.
    first_asked: Option<Instant>,
}

/// The parts of AWS.
pub struct Cloud {
    host: String,
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
}

impl Cloud {
    /// Starts it; it ends with the runtime of its test.
    pub async fn start() -> Cloud {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let cloud = Cloud {
            host: listener.local_addr().expect("it has one").to_string(),
            state: Arc::default(),
            changed: Arc::default(),
        };
        let (state, changed) = (Arc::clone(&cloud.state), Arc::clone(&cloud.changed));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (state, changed) = (Arc::clone(&state), Arc::clone(&changed));
                // A client that goes away is none of the server's failures.
                tokio::spawn(async move { serve(client, &state, &changed).await });
            }
        });
        cloud
    }

    /// What the parameter holds.
    pub fn set_parameter(&self, value: &str) {
        self.lock().parameter = value.to_owned();
    }

    /// Everything that was called since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// An address for a stack's answer.
    #[must_use]
    pub fn answer_address(&self) -> String {
        format!(
            "http://{}/answers/1?X-Amz-Signature=SignedAnswerAddress",
            self.host
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no test panics here")
    }
}

/// A running function.
pub struct Function {
    process: Child,
    cloud: Arc<Cloud>,
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
    started: Instant,
    invocations: u32,
}

impl Function {
    /// Starts it with these settings and nothing else in its environment but what Lambda sets.
    #[must_use]
    pub fn start(cloud: &Arc<Cloud>, settings: &[(&str, &str)]) -> Function {
        let mut command = Command::new(program::path("bootstrap"));
        command.env_clear().envs([
            ("AWS_LAMBDA_RUNTIME_API", cloud.host.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "soci"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/soci"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "1"),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "SecretKeyOfTheRole"),
            ("AWS_SESSION_TOKEN", "SessionOfTheRole"),
        ]);
        command.env("AWS_ENDPOINT_URL", format!("http://{}", cloud.host));
        command.envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::inherit()).kill_on_drop(true);
        let started = Instant::now();
        let mut process = command.spawn().expect("it starts");
        let stdout = process.stdout.take().expect("it is piped");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            let mut stdout = BufReader::new(stdout).lines();
            while let Ok(Some(line)) = stdout.next_line().await {
                written.lock().expect("no test panics here").push(line);
            }
        });
        Function {
            process,
            cloud: Arc::clone(cloud),
            lines,
            reader,
            started,
            invocations: 0,
        }
    }

    /// Invokes it with a payload, for at most so long, and waits for what comes back: the answer, or the error.
    ///
    /// # Errors
    /// The error that the function reports.
    pub async fn invoke(&mut self, payload: &Value, time: Duration) -> Result<Value, Value> {
        self.invoke_with(payload.to_string().into_bytes(), time)
            .await
    }

    /// The same with any bytes.
    ///
    /// # Errors
    /// The error that the function reports.
    pub async fn invoke_with(&mut self, payload: Vec<u8>, time: Duration) -> Result<Value, Value> {
        self.invocations += 1;
        let id = format!("request-{}", self.invocations);
        self.cloud
            .lock()
            .waiting
            .push_back((id.clone(), time, payload));
        self.cloud.changed.notify_waiters();
        let patience = Instant::now() + PATIENCE.max(time * 2);
        loop {
            let ended = {
                let mut state = self.cloud.lock();
                let place = state.ended.iter().position(|(ended, ..)| *ended == id);
                place.map(|place| state.ended.remove(place))
            };
            if let Some((_, well, document)) = ended {
                return if well { Ok(document) } else { Err(document) };
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("the function ended with {status}: {:?}", self.lines());
            }
            assert!(
                Instant::now() < patience,
                "nothing came back: {:?}",
                self.lines()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it has written so far, each line read as JSON, none of it a secret.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("no test panics here").clone();
        let read = |line: &String| {
            for secret in SECRETS {
                assert!(!line.contains(secret), "{secret} in {line}");
            }
            serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))
        };
        lines.iter().map(read).collect()
    }

    /// From its start to its first question to the runtime API.
    #[must_use]
    pub fn start_time(&self) -> Option<Duration> {
        let asked = self.cloud.lock().first_asked?;
        Some(asked.saturating_duration_since(self.started))
    }

    /// Ends it and gives back everything that it wrote.
    pub async fn end(mut self) -> Vec<Value> {
        let _ = self.process.kill().await;
        let _ = (&mut self.reader).await;
        self.lines()
    }
}

/// A push event of Amazon ECR for a tag.
#[must_use]
pub fn push_event(repository: &str, tag: &str, digest: &str) -> Value {
    json!({
        "version": "0", "id": "0f4b2c1e-5d1a-4a57-9c1e-2f6f5a1b7c01", "detail-type": "ECR Image Action", "source": "aws.ecr",
        "account": ACCOUNT, "time": "2026-05-04T09:12:33Z", "region": REGION, "resources": [],
        "detail": {"result": "SUCCESS", "repository-name": repository, "action-type": "PUSH", "image-tag": tag, "image-digest": digest},
    })
}

/// Serves the requests of one connection, one after the other.
async fn serve(
    mut client: TcpStream,
    state: &Mutex<State>,
    changed: &Notify,
) -> std::io::Result<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let length = header("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        client.read_exact(&mut body).await?;
        let mut words = head.split(' ');
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let (status, headers, answer) = match path.strip_prefix("/2018-06-01/runtime/") {
            Some("invocation/next") => next(state, changed).await,
            Some(rest) => ended(state, rest, &body),
            None => called(
                state,
                header("x-amz-target").as_deref().unwrap_or(method),
                path,
                &body,
            ),
        };
        let answer_head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
            answer.len()
        );
        client.write_all(answer_head.as_bytes()).await?;
        client.write_all(&answer).await?;
    }
}

type Reply = (u16, String, Vec<u8>);

/// Waits for an invocation and hands it out.
async fn next(state: &Mutex<State>, changed: &Notify) -> Reply {
    loop {
        let waiting = changed.notified();
        tokio::pin!(waiting);
        waiting.as_mut().enable();
        let invocation = {
            let mut state = state.lock().expect("no test panics here");
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
            return (200, headers, payload);
        }
        waiting.await;
    }
}

/// Keeps what came back.
fn ended(state: &Mutex<State>, path: &str, body: &[u8]) -> Reply {
    let document = serde_json::from_slice(body).unwrap_or_default();
    let mut parts = path.rsplit('/');
    let (how, id) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let end = (id.to_owned(), how == "response", document);
    state.lock().expect("no test panics here").ended.push(end);
    (202, String::new(), b"{\"status\":\"OK\"}".to_vec())
}

/// Answers what is no runtime API.
fn called(state: &Mutex<State>, name: &str, path: &str, body: &[u8]) -> Reply {
    let name = name.rsplit('.').next().unwrap_or_default().to_owned();
    let mut state = state.lock().expect("no test panics here");
    let answer = match name.as_str() {
        // Far behind this test.
        "GetAuthorizationToken" => {
            json!({"authorizationData": [{"authorizationToken": TOKEN, "expiresAt": 4_000_000_000_u32}]})
        }
        "GetParameter" => json!({"Parameter": {"Value": state.parameter}}),
        "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
        _ => json!({}),
    };
    state.calls.push(Call {
        name,
        path: path.to_owned(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    });
    (200, String::new(), answer.to_string().into_bytes())
}
