//! The proof that ours writes no file is worth as much as this: a program that does write one fails under it.

use std::path::Path;
use std::process::{Command, Output};

fn measure(flags: &[&str], shell: &str, folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soci-bench"));
    command.arg("measure").args(flags);
    command.args(["--", "sh", "-c", shell]).current_dir(folder);
    command.output().expect("the program is built")
}

#[test]
fn a_command_that_writes_to_a_file_fails() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let writes = "echo some bytes > file";
    let refused = measure(&["--no-files"], writes, folder.path());
    assert!(!refused.status.success());
    let size = std::fs::metadata(folder.path().join("file")).map_or(0, |file| file.len());
    assert_eq!(size, 0);

    let allowed = measure(&[], writes, folder.path());
    assert!(allowed.status.success());
}

#[test]
fn pipes_are_no_files() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let output = measure(&["--no-files"], "echo some bytes | cat", folder.path());
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"{\"wall_seconds\":"));
}
