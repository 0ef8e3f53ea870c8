//! skopeo, a client by other people: what it can copy, others can use.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::registry::run;

/// The tag of copied images in their layout.
pub const COPIED: &str = "copied";

/// The bytes that a tag holds, as skopeo sees them.
#[must_use]
pub fn raw(image: &str) -> Vec<u8> {
    let mut command = Command::new("skopeo");
    command.args([
        "--insecure-policy",
        "inspect",
        "--raw",
        "--tls-verify=false",
    ]);
    command.arg(format!("docker://{image}"));
    run(&mut command, "skopeo")
}

/// Copies an image with all its platforms into a new layout.
pub fn copy_all(image: &str, layout: &Path) {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", "--all"]);
    command.arg("--src-tls-verify=false");
    command.arg(format!("docker://{image}"));
    command.arg(format!("oci:{}:{COPIED}", layout.display()));
    run(&mut command, "skopeo");
}

/// Copies an image with all its platforms into a new archive.
pub fn archive_all(image: &str, archive: &Path) {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "--quiet", "--all"]);
    command.arg("--src-tls-verify=false");
    command.arg(format!("docker://{image}"));
    command.arg(format!("oci-archive:{}:{COPIED}", archive.display()));
    run(&mut command, "skopeo");
}

/// Whether the skopeo that is here writes every index anew, so that its digest is another.
#[must_use]
pub fn writes_indexes_anew() -> bool {
    let mut command = Command::new("skopeo");
    let output = command.arg("--version").output().expect("skopeo starts");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = version
        .split(|one: char| !one.is_ascii_digit())
        .filter_map(|part| part.parse::<u32>().ok());
    let version = (numbers.next(), numbers.next());
    version < (Some(1), Some(14))
}

/// An image index as skopeo writes it. Versions before 1.14 (Debian 12 has 1.9.3) write every index anew, without the fields of
/// descriptors that came after them; nothing reads SOCI indexes by this one.
#[must_use]
pub fn without_artifact_types(mut index: Value) -> Value {
    for entry in index["manifests"].as_array_mut().into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("artifactType");
        }
    }
    index
}
