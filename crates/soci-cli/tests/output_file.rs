//! The output file appears whole or not at all, wherever it is to appear.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Desk, layer};

const OLD: &[u8] = b"what was here before";

fn desk_with_layer() -> Desk {
    let desk = Desk::new();
    desk.write("layer", &layer());
    desk
}

/// The kind of failure that `create --json` gives.
fn reason(desk: &Desk, layer: &str, output: &str) -> Value {
    let ended = desk
        .ztoc(&["create", layer, "-o", output, "--json"])
        .with_code(1);
    let mut json: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    json["reason"].take()
}

/// With standard streams that the test chooses.
fn create(desk: &Desk, layer: &str, output: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_soci-index"));
    command
        .args(["ztoc", "create", layer, "-o", output])
        .current_dir(desk.path("."));
    command
}

/// As `>>` of a shell opens it.
fn appended(desk: &Desk, name: &str) -> File {
    let mut options = File::options();
    options.append(true);
    options.open(desk.path(name)).expect("a file")
}

#[test]
fn an_old_file_is_replaced_on_success_only() {
    let desk = desk_with_layer();
    desk.write("damaged", &layer()[..1_000]);
    desk.write("skipped", b"no tar");
    desk.write("ztoc", OLD);
    let names = desk.names();
    desk.ztoc(&["create", "damaged", "-o", "ztoc"]).with_code(1);
    desk.ztoc(&["create", "skipped", "-o", "ztoc"]).with_code(3);
    assert_eq!(desk.read("ztoc"), OLD);
    desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(0);
    assert_ne!(desk.read("ztoc"), OLD);
    // Nothing temporary is left behind.
    assert_eq!(desk.names(), names);
}

#[test]
fn a_symbolic_link_stays_and_its_target_is_replaced() {
    let desk = desk_with_layer();
    fs::create_dir(desk.path("folder")).expect("a folder");
    desk.write("folder/target", OLD);
    symlink("folder/target", desk.path("near")).expect("a link");
    symlink("near", desk.path("far")).expect("a link");
    desk.ztoc(&["create", "layer", "-o", "far"]).with_code(0);
    assert!(fs::read_link(desk.path("far")).is_ok());
    assert_ne!(desk.read("folder/target"), OLD);
    symlink("folder/new", desk.path("dangling")).expect("a link");
    desk.ztoc(&["create", "layer", "-o", "dangling"])
        .with_code(0);
    assert!(desk.read("folder/new") == desk.read("folder/target"));
}

#[test]
fn a_pipe_takes_the_output() {
    let desk = desk_with_layer();
    desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(0);
    for pipe in ["/dev/stdout", "/dev/fd/1"] {
        let piped = desk.ztoc(&["create", "layer", "-o", pipe]).with_code(0);
        assert!(piped.stdout == desk.read("ztoc"), "{pipe}");
    }
    desk.ztoc(&["create", "layer", "-o", "/dev/null"])
        .with_code(0);
}

/// The layer is damaged, so that work on it would end with another message.
#[test]
fn an_output_that_no_file_can_be_is_refused_before_any_work() {
    let desk = Desk::new();
    desk.write("damaged", &layer()[..1_000]);
    fs::create_dir(desk.path("folder")).expect("a folder");
    symlink("folder", desk.path("link")).expect("a link");
    for output in ["folder", "folder/", "link", "."] {
        desk.ztoc(&["create", "damaged", "-o", output])
            .failed_with(&format!("cannot write {output}: it is a folder"));
    }
    desk.ztoc(&["create", "damaged", "-o", "new/"])
        .failed_with("cannot write new/: there is no folder new/");
    assert_eq!(reason(&desk, "damaged", "folder"), "configuration");
}

#[test]
fn standard_output_takes_the_ztoc_or_the_json() {
    let desk = desk_with_layer();
    for pipe in ["/dev/stdout", "/dev/fd/1"] {
        let ended = desk.ztoc(&["create", "layer", "-o", pipe, "--json"]);
        let ended = ended.with_code(2);
        assert_eq!(
            ended.stderr,
            "error: --json and -o /dev/stdout would mix two results there; write the zTOC to a file\n"
        );
        assert!(ended.stdout.is_empty());
    }
}

#[test]
fn a_dash_is_no_output() {
    let desk = desk_with_layer();
    desk.ztoc(&["create", "layer", "-o", "-"]).failed_with(
        "cannot write -: standard output is -o /dev/stdout, and a file of this name -o ./-",
    );
    assert_eq!(reason(&desk, "layer", "-"), "configuration");
    assert_eq!(desk.names(), ["layer"]);
    desk.ztoc(&["create", "layer", "-o", "./-"]).with_code(0);
    assert_eq!(desk.names(), ["-", "layer"]);
}

#[test]
fn the_layer_is_not_replaced_by_its_ztoc() {
    let desk = desk_with_layer();
    symlink("layer", desk.path("symbolic")).expect("a link");
    fs::hard_link(desk.path("layer"), desk.path("hard")).expect("a link");
    let absolute = desk.path("layer").display().to_string();
    for output in ["layer", "./layer", "symbolic", "hard", &absolute] {
        let message = format!("cannot write {output}: it is the layer");
        desk.ztoc(&["create", "layer", "-o", output])
            .failed_with(&message);
        let redirected = create(&desk, "-", output)
            .stdin(File::open(desk.path("layer")).expect("the layer"))
            .output()
            .expect("the program runs");
        assert_eq!(redirected.status.code(), Some(1));
        assert_eq!(
            String::from_utf8_lossy(&redirected.stderr),
            format!("error: {message}\n")
        );
        assert_eq!(reason(&desk, "layer", output), "configuration");
    }
    assert!(desk.read("layer") == layer());
    // A copy is another file.
    desk.write("copy", &layer());
    desk.ztoc(&["create", "layer", "-o", "copy"]).with_code(0);
}

#[test]
fn a_file_behind_standard_output_keeps_what_it_had() {
    let desk = desk_with_layer();
    desk.ztoc(&["create", "layer", "-o", "ztoc"]).with_code(0);
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        desk.write("log", OLD);
        let ended = create(&desk, "layer", name)
            .stdout(appended(&desk, "log"))
            .stderr(Stdio::null())
            .status()
            .expect("the program runs");
        assert!(ended.success());
        assert!(
            desk.read("log") == [OLD, &desk.read("ztoc")].concat(),
            "{name}"
        );
    }
}

#[test]
fn the_layer_behind_standard_output_is_not_written_to() {
    let desk = desk_with_layer();
    let ended = create(&desk, "layer", "/dev/stdout")
        .stdout(appended(&desk, "layer"))
        .output()
        .expect("the program runs");
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&ended.stderr),
        "error: cannot write /dev/stdout: it is the layer\n"
    );
    assert!(desk.read("layer") == layer());
}

#[test]
fn the_mode_respects_umask() {
    let desk = desk_with_layer();
    for (mask, mode) in [("022", 0o644), ("077", 0o600), ("002", 0o664)] {
        let script = format!("umask {mask} && exec \"$0\" ztoc create layer -o ztoc-{mask}");
        let ended = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_soci-index")])
            .current_dir(desk.path("."))
            .stderr(Stdio::null())
            .status()
            .expect("a shell");
        assert!(ended.success());
        let metadata = fs::metadata(desk.path(&format!("ztoc-{mask}"))).expect("the output");
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "umask {mask}");
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let desk = desk_with_layer();
    fs::create_dir(desk.path("folder")).expect("a folder");
    desk.ztoc(&["create", "layer", "-o", "folder"])
        .failed_with("cannot write folder: it is a folder");
    desk.ztoc(&["create", "layer", "-o", "new/"])
        .failed_with("cannot write new/: there is no folder new/");
    desk.ztoc(&["create", "layer", "-o", "no/such/ztoc"])
        .failed_with("cannot write no/such/ztoc: there is no folder no/such");
    desk.ztoc(&["create", "layer", "-o", "layer/ztoc"])
        .failed_with("cannot write layer/ztoc: there is no folder layer");
    assert_eq!(desk.names(), ["folder", "layer"]);
}

#[test]
fn a_folder_without_permission_is_named() {
    let desk = desk_with_layer();
    fs::create_dir(desk.path("locked")).expect("a folder");
    fs::set_permissions(desk.path("locked"), fs::Permissions::from_mode(0o555)).expect("a mode");
    if fs::write(desk.path("locked/probe"), b"").is_ok() {
        // Permissions do not bind root.
        return;
    }
    desk.ztoc(&["create", "layer", "-o", "locked/ztoc"])
        .failed_with("cannot write locked/ztoc: no file can be made in locked: permission denied");
}

/// procfs takes no new files, from root neither.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_takes_no_file_is_named() {
    let desk = desk_with_layer();
    let ended = desk
        .ztoc(&["create", "layer", "-o", "/proc/ztoc"])
        .with_code(1);
    let message = "error: cannot write /proc/ztoc: no file can be made in /proc: ";
    assert!(ended.stderr.starts_with(message), "{}", ended.stderr);
    assert!(!ended.stderr.contains(".soci-index-"), "{}", ended.stderr);
}
