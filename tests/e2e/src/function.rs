//! The function's own program, as Lambda starts it: settings in its environment, invocations from a runtime API of its own, the rest of AWS
//! from a [`Cloud`] that several may share. The registry is a real one.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use soci_test_aws::cgroup::{Group, Size};
use soci_test_aws::{Cloud, KEY, RuntimeApi, SESSION, TOKEN, environment};
use tokio::process::{Child, Command};

use crate::emulator::packaged;
use crate::program;
use crate::written::Written;

/// What must be in no line that the function writes: token, password, AWS's key, and the signature of a stack's answer address.
pub const SECRETS: [&str; 5] = [TOKEN, "hunter2", KEY, SESSION, "SignedAnswerAddress"];

/// As on Lambda.
const SEARCHED: &str = "/usr/local/bin:/usr/bin:/bin";

/// Longest wait for anything in a test.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running function.
pub struct Function {
    process: Child,
    runtime: RuntimeApi,
    written: Written,
    invocations: u32,
}

impl Function {
    /// Starts it with these settings and nothing else in its environment but what Lambda sets.
    #[must_use]
    pub fn start(cloud: &Cloud, settings: &[(&str, &str)]) -> Function {
        let command = Command::new(program::path("bootstrap"));
        Function::start_as(command, 1_024, cloud, settings)
    }

    /// Starts it as it is packaged, held to a size.
    #[must_use]
    pub fn start_held(
        group: &Group,
        size: Size,
        cloud: &Cloud,
        settings: &[(&str, &str)],
    ) -> Function {
        let command = Command::from(group.command(&packaged()));
        Function::start_as(command, size.memory_mib, cloud, settings)
    }

    fn start_as(
        mut command: Command,
        memory_mib: u64,
        cloud: &Cloud,
        settings: &[(&str, &str)],
    ) -> Function {
        let runtime = RuntimeApi::start();
        command
            .env_clear()
            .env("PATH", SEARCHED)
            .envs(environment(&runtime, cloud, memory_mib));
        command.envs(settings.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::inherit()).kill_on_drop(true);
        let mut process = command.spawn().expect("it starts");
        let stdout = process.stdout.take().expect("it is piped");
        Function {
            process,
            runtime,
            written: Written::to(stdout),
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
        let lines = self.written.lines();
        lines
            .iter()
            .map(|line| json_without_secrets(line))
            .collect()
    }

    /// Ends it and gives back everything that it wrote.
    pub async fn end(mut self) -> Vec<Value> {
        let _ = self.process.kill().await;
        self.written.end().await;
        self.lines()
    }
}

/// A line that the function wrote.
///
/// # Panics
/// If it is no JSON, or holds a secret.
pub(crate) fn json_without_secrets(line: &str) -> Value {
    for secret in SECRETS {
        assert!(!line.contains(secret), "{secret} in {line}");
    }
    serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))
}
