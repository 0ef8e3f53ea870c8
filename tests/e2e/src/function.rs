//! The function's own program, as Lambda starts it: settings in its environment, invocations from a runtime API of its own, the rest of AWS
//! from a [`Cloud`] that several may share. The registry is a real one.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::aws::{ACCOUNT, Cloud, REGION, RuntimeApi, TOKEN};
use crate::program;

/// What must be in no line that the function writes: token, password, AWS's key, and the signature of a stack's answer address.
pub const SECRETS: [&str; 5] = [
    TOKEN,
    "hunter2",
    "SecretKeyOfTheRole",
    "SessionOfTheRole",
    "SignedAnswerAddress",
];

/// Longest wait for anything in a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running function.
pub struct Function {
    process: Child,
    runtime: RuntimeApi,
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
    started: Instant,
    invocations: u32,
}

impl Function {
    /// Starts it with these settings and nothing else in its environment but what Lambda sets.
    #[must_use]
    pub fn start(cloud: &Cloud, settings: &[(&str, &str)]) -> Function {
        let runtime = RuntimeApi::start();
        let mut command = Command::new(program::path("bootstrap"));
        command.env_clear().envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime.host()),
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
        command.env("AWS_ENDPOINT_URL", format!("http://{}", cloud.host()));
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
            runtime,
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
        self.runtime.invoke(&id, time, payload);
        let patience = Instant::now() + PATIENCE.max(time * 2);
        loop {
            if let Some((well, document)) = self.runtime.take(&id) {
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
        let asked = self.runtime.first_asked()?;
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
