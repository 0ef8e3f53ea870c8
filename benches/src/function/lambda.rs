//! The function's program, started as Lambda starts it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use soci_test_aws::{Cloud, RuntimeApi, environment, push_event};
use tokio::runtime::Runtime;

use crate::image::make::TAG;
use crate::image::stage::BUILD_TOOL;
use soci_test_aws::cgroup::{Group, Size};

/// What Lambda gives an invocation at most.
const LONGEST: Duration = Duration::from_secs(900);

/// How long a program may take until it asks for an invocation.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// Between two looks: short beside every run.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// Memory that a function is told to have where none is measured.
const START_MEMORY_MIB: u64 = 1_024;

/// Lambda, for one program.
pub(super) struct Lambda {
    program: PathBuf,
    /// For the servers; they run while something here waits.
    runtime: Runtime,
    cloud: Cloud,
}

/// What an image took.
pub(super) struct Indexed {
    /// From the start of the process to the answer.
    pub(super) seconds: f64,
    /// The largest resident set.
    pub(super) peak_bytes: u64,
    /// Of every zTOC.
    pub(super) ztoc_bytes: Vec<u64>,
}

/// A process that does not outlive its value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It is our child; if it is gone already, so much the better.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lambda {
    pub(super) fn new(program: &Path) -> Result<Lambda> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let cloud = runtime.block_on(async { Cloud::start() });
        Ok(Lambda {
            program: program.into(),
            runtime,
            cloud,
        })
    }

    /// Seconds from the start of the process to its first request to the runtime API, on all cores, as Lambda starts functions.
    pub(super) fn start_seconds(&self) -> Result<f64> {
        self.runtime.block_on(async {
            let api = RuntimeApi::start();
            let begun = Instant::now();
            let mut process =
                self.start(Command::new(&self.program), &api, START_MEMORY_MIB, &[])?;
            let asked = asked(&mut process, &api).await?;
            Ok(asked.duration_since(begun).as_secs_f64())
        })
    }

    /// Indexes the image in a repository, in a process of its own.
    pub(super) fn index(&self, size: Size, registry: &str, repository: &str) -> Result<Indexed> {
        // Declared before the process, so removed after its end.
        let group = Group::new(size)?;
        let settings = [
            ("SOCI_REGISTRY_ENDPOINT", registry),
            ("SOCI_BUILD_TOOL_IDENTIFIER", BUILD_TOOL),
        ];
        self.runtime.block_on(async {
            let api = RuntimeApi::start();
            let begun = Instant::now();
            let command = group.command(&self.program);
            let mut process = self.start(command, &api, size.memory_mib, &settings)?;
            let event = push_event(repository, TAG, "").to_string();
            api.invoke("1", LONGEST, event.into_bytes());
            let answer = answer(&mut process, &api).await?;
            let seconds = begun.elapsed().as_secs_f64();
            Ok(Indexed {
                seconds,
                peak_bytes: peak_bytes(process.0.id())?,
                ztoc_bytes: ztoc_bytes(&answer)?,
            })
        })
    }

    fn start(
        &self,
        mut command: Command,
        api: &RuntimeApi,
        memory_mib: u64,
        settings: &[(&str, &str)],
    ) -> Result<Process> {
        command
            .env_clear()
            .envs(environment(api, &self.cloud, memory_mib))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let process = command.spawn();
        let process =
            process.with_context(|| format!("cannot start {}", self.program.display()))?;
        Ok(Process(process))
    }
}

/// When the process asked for its first invocation.
async fn asked(process: &mut Process, api: &RuntimeApi) -> Result<Instant> {
    until(process, START_PATIENCE, || api.first_asked()).await
}

/// What came back of the invocation: a success.
async fn answer(process: &mut Process, api: &RuntimeApi) -> Result<Value> {
    let (well, answer) = until(process, LONGEST, || api.take("1")).await?;
    ensure!(well, "the function failed: {answer}");
    Ok(answer)
}

/// Looks again and again, as long as the process lives.
async fn until<T>(
    process: &mut Process,
    patience: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Result<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if let Some(status) = process.0.try_wait()? {
            bail!(
                "the function ended with {status}; killed by a signal means that its memory was not enough"
            );
        }
        ensure!(Instant::now() < end, "nothing came of the function");
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// The kernel's own count; the program's would be its word for it.
fn peak_bytes(process: u32) -> Result<u64> {
    let file = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let kib: u64 = kib.context("the kernel counts no peak")?.parse()?;
    Ok(kib << 10)
}

/// The sizes of the zTOCs of an answer, which tells of one image that was indexed just now.
fn ztoc_bytes(answer: &Value) -> Result<Vec<u64>> {
    let result = &answer["results"][0];
    ensure!(result["outcome"] == "indexed", "not indexed: {result}");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let platforms = list(&result["platforms"]);
    let layers = platforms
        .iter()
        .flat_map(|platform| list(&platform["layers"]));
    Ok(layers
        .filter_map(|layer| layer["ztoc"]["size"].as_u64())
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_tells_its_ztocs_or_is_none() {
        let layer = |size: u64| json!({"ztoc": {"size": size}});
        let platform = json!({"layers": [layer(5), json!({"ztoc": null}), layer(7)]});
        let answer = json!({"results": [{"outcome": "indexed", "platforms": [platform]}]});
        assert_eq!(ztoc_bytes(&answer).ok(), Some(vec![5, 7]));
        let skipped = json!({"results": [{"outcome": "skipped", "platforms": []}]});
        assert!(ztoc_bytes(&skipped).is_err());
    }

    #[test]
    fn the_kernel_counts_our_own_peak() {
        assert!(peak_bytes(std::process::id()).expect("we live") > 1 << 20);
    }
}
