//! The packaged function under AWS's own runtime interface emulator: one environment, as Lambda keeps one, initialised when it is first
//! invoked, killed when an invocation takes too long, and initialised again after that.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use soci_test_aws::{Cloud, environment_without_runtime_api, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::function::json_without_secrets;
use crate::wire;
use crate::written::Written;

/// Names AWS's emulator; `cargo xtask test` takes it out of a package that AWS ships it in.
pub const EMULATOR_VARIABLE: &str = "SOCI_LAMBDA_EMULATOR";

/// Names the packaged function's program; `cargo xtask test` packages it.
pub const PACKAGED_VARIABLE: &str = "SOCI_PACKAGED_BOOTSTRAP";

/// How often other ports are tried when somebody else was quicker.
const PORTS: u32 = 5;

/// Longest wait for the emulator to listen.
const START: Duration = Duration::from_secs(20);

/// What the emulator answers when the function has not: it was killed, or its time was up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// An error that the function reported: its type and its words.
    Reported {
        /// The kind of failure.
        kind: String,
        /// In words.
        message: String,
    },
    /// The process ended.
    Ended,
    /// The time was up, and the process was killed.
    TimedOut,
    /// The emulator itself had no answer, as the process ended before it asked for an event; the line that it began with.
    Silent(String),
}

/// One environment of the function.
pub struct Emulator {
    process: Child,
    address: String,
    written: Written,
}

impl Emulator {
    /// Starts it with so many whole seconds for each invocation, and these settings.
    pub async fn start(cloud: &Cloud, timeout_seconds: u64, settings: &[(&str, &str)]) -> Emulator {
        for _ in 0..PORTS {
            let (address, runtime_api) = (free_port(), free_port());
            let mut process = command(cloud, timeout_seconds, settings, &address, &runtime_api)
                .spawn()
                .expect("the emulator starts");
            let stdout = process.stdout.take().expect("it is piped");
            // The emulator starts the function without a look at whether it listens for it already.
            if listens(&mut process, &address).await && listens(&mut process, &runtime_api).await {
                return Emulator {
                    process,
                    address,
                    written: Written::to(stdout),
                };
            }
        }
        panic!("the emulator ends as soon as it is started");
    }

    /// Invokes the function and waits for its answer. One invocation at a time: an environment has never more.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn invoke(&self, payload: &[u8]) -> Result<Value, Failure> {
        let answer = self.post(payload).await.expect("the emulator answers");
        let text = String::from_utf8_lossy(&answer[wire::head_bytes(&answer)..]).into_owned();
        if text.is_empty() {
            let head = String::from_utf8_lossy(&answer).into_owned();
            return Err(Failure::Silent(
                head.lines().next().unwrap_or_default().to_owned(),
            ));
        }
        if text.contains("Task timed out after") {
            return Err(Failure::TimedOut);
        }
        let document: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        let Some(kind) = document["errorType"].as_str() else {
            return Ok(document);
        };
        if kind.starts_with("Runtime.") {
            return Err(Failure::Ended);
        }
        Err(Failure::Reported {
            kind: kind.to_owned(),
            message: document["errorMessage"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        })
    }

    /// HTTP/1.0: the answer ends with the connection and comes in one piece.
    async fn post(&self, payload: &[u8]) -> io::Result<Vec<u8>> {
        let mut server = TcpStream::connect(&self.address).await?;
        let head = format!(
            "POST /2015-03-31/functions/function/invocations HTTP/1.0\r\nContent-Length: {}\r\n\r\n",
            payload.len()
        );
        server.write_all(head.as_bytes()).await?;
        server.write_all(payload).await?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).await?;
        Ok(answer)
    }

    /// The identifier of the function's own process, while it runs.
    #[must_use]
    pub fn runtime(&self) -> Option<u32> {
        let emulator = self.process.id()?;
        // Any of the emulator's threads may have started it.
        let threads = std::fs::read_dir(format!("/proc/{emulator}/task")).ok()?;
        threads.flatten().find_map(|thread| {
            let children = std::fs::read_to_string(thread.path().join("children")).ok()?;
            children.split_whitespace().next()?.parse().ok()
        })
    }

    /// Everything that the function wrote as JSON, none of it a secret; the rest is the emulator's.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.written.lines();
        let own = lines.iter().filter(|line| line.starts_with('{'));
        own.map(|line| json_without_secrets(line)).collect()
    }

    /// Ends it and gives back everything that it wrote.
    pub async fn end(mut self) -> Vec<Value> {
        if let Some(runtime) = self.runtime() {
            kill(runtime);
        }
        let _ = self.process.kill().await;
        self.written.end().await;
        self.lines()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The emulator, killed, would leave its child behind.
        if let Some(runtime) = self.runtime() {
            kill(runtime);
        }
    }
}

/// Ends a process without notice.
pub fn kill(process: u32) {
    let _ = std::process::Command::new("kill")
        .args(["-9", &process.to_string()])
        .status();
}

/// The packaged program, as the emulator starts it.
#[must_use]
pub fn packaged() -> PathBuf {
    named(PACKAGED_VARIABLE)
}

fn named(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    let path = path.unwrap_or_else(|| {
        panic!("{variable} is not set; run the tests with `cargo xtask test --only e2e`")
    });
    path.into()
}

fn command(
    cloud: &Cloud,
    timeout_seconds: u64,
    settings: &[(&str, &str)],
    address: &str,
    runtime_api: &str,
) -> Command {
    let mut command = Command::new(named(EMULATOR_VARIABLE));
    command.args(["--runtime-interface-emulator-address", address]);
    command
        .args(["--runtime-api-address", runtime_api])
        .arg(packaged());
    command
        .env_clear()
        .envs(environment_without_runtime_api(cloud, 1_024));
    command.env("AWS_LAMBDA_FUNCTION_TIMEOUT", timeout_seconds.to_string());
    command.envs(settings.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::null()).kill_on_drop(true);
    command
}

async fn listens(process: &mut Child, address: &str) -> bool {
    let patience = Instant::now() + START;
    while Instant::now() < patience {
        if let Ok(Some(_)) = process.try_wait() {
            return false;
        }
        if TcpStream::connect(address).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the emulator does not listen after {} s", START.as_secs());
}
