//! The product's own program, as its users start it.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::Command;

/// `soci-index build` with options under which the layers of the test kit are large. It ends, killed, when its output is no longer
/// waited for.
#[must_use]
pub fn build(image: &str) -> Command {
    build_as("v2", image)
}

/// The same, in this format.
#[must_use]
pub fn build_as(format: &str, image: &str) -> Command {
    let mut command = Command::new(path("soci-index"));
    command.args(["build", "--json", "--plain-http", "--concurrency", "1"]);
    command.args(["--span-size", "32768", "--min-layer-size", "4096"]);
    command.args(["--format", format, image]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// `soci-index build` with this many layers at once, as it is shipped otherwise, where the kernel refuses every byte that a program
/// writes to a file. Its messages go to a pipe, as they must.
#[must_use]
pub fn build_without_files(image: &str, layers_at_once: usize) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -f 0 && exec \"$0\" \"$@\""])
        .arg(path("soci-index"));
    command.args(["build", "--json", "--plain-http", image]);
    command.args(["--concurrency", &layers_at_once.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Where one of the product's programs is: beside the folder of the tests' programs. Cargo builds it for the tests of its own package
/// only.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().nth(2).expect("a test lies in target");
    let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        program.is_file(),
        "{} is missing; run the tests with `cargo xtask test`",
        program.display()
    );
    program
}
