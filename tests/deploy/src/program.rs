//! Starts programs, each with an end to its time.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

/// The longest that any one program may take. Applying a deployment to moto waits for minutes on a slow machine: the provider gives each
/// queue time to settle.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a program said.
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Said {
    /// Its output, if it succeeded.
    ///
    /// # Panics
    /// When it did not.
    #[must_use]
    pub fn success(self) -> String {
        assert!(
            self.status.success(),
            "{}\n{}\n{}",
            self.status,
            self.output,
            self.errors
        );
        self.output
    }
}

/// The value of a variable that `cargo xtask test` sets.
///
/// # Panics
/// When it is not set: a test that cannot run has not passed.
#[must_use]
pub fn from_xtask(variable: &str) -> PathBuf {
    let value = std::env::var_os(variable);
    let value = value.unwrap_or_else(|| {
        panic!("{variable} is not set; run these tests with `cargo xtask test --only deploy`")
    });
    PathBuf::from(value)
}

/// Programs that reckon at once: as many as there are processors. More would take memory and save nothing.
struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// One of them, given back when it is dropped.
struct Slot(&'static Slots);

impl Slots {
    fn take() -> Slot {
        static SLOTS: LazyLock<Slots> = LazyLock::new(|| Slots {
            free: Mutex::new(std::thread::available_parallelism().map_or(1, usize::from)),
            freed: Condvar::new(),
        });
        let free = SLOTS.free.lock().expect("nobody panics with it");
        let none = |free: &mut usize| *free == 0;
        let mut free = SLOTS.freed.wait_while(free, none).expect("as above");
        *free -= 1;
        Slot(&SLOTS)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.free.lock().expect("nobody panics with it") += 1;
        self.0.freed.notify_one();
    }
}

/// Runs it to its end, once there is a processor for it.
///
/// # Panics
/// When it cannot be started, or does not end.
#[must_use]
pub fn run(command: &mut Command, input: &str) -> Said {
    let _slot = Slots::take();
    run_beside(command, input)
}

/// The same at once, for what spends its time waiting.
///
/// # Panics
/// When it cannot be started, or does not end.
#[must_use]
pub fn run_beside(command: &mut Command, input: &str) -> Said {
    let shown = format!("{:?}", command.get_program());
    let file = || tempfile::tempfile().expect("a temporary file");
    let (mut stdin, mut stdout, mut stderr) = (file(), file(), file());
    std::io::Write::write_all(&mut stdin, input.as_bytes()).expect("it is written");
    stdin.rewind().expect("it is at its beginning");
    command.stdin(stdin);
    command.stdout(stdout.try_clone().expect("a second handle"));
    command.stderr(stderr.try_clone().expect("a second handle"));
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{shown} cannot be started: {error}"));
    let status = wait(&mut child, &shown);
    Said {
        status,
        output: read(&mut stdout),
        errors: read(&mut stderr),
    }
}

fn wait(child: &mut Child, shown: &str) -> ExitStatus {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        if Instant::now() > end {
            child.kill().expect("it can be killed");
            child.wait().expect("it is dead");
            panic!("{shown} took more than {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn read(file: &mut File) -> String {
    file.rewind().expect("it is at its beginning");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("it is read");
    String::from_utf8_lossy(&bytes).into_owned()
}
