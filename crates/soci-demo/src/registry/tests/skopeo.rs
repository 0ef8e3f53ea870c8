//! Somebody else's client.

use std::process::Command;

use super::running;

/// An independent client, there and back.
#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_and_pulls() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        // Not captured, unlike what a passing test prints.
        let why = "NOT TESTED: skopeo is missing, so no other client was tried against the embedded registry\n";
        std::fs::write("/dev/stderr", why).expect("somebody has to know");
        return;
    }
    let running = running().await;
    let layouts = tempfile::tempdir().expect("a folder");
    let source = layouts.path().join("source");
    let case = soci_testkit::image_cases()
        .into_iter()
        .next()
        .expect("there are some");
    case.image
        .write_layout(&source)
        .expect("the folder is writable");
    let registry = format!("docker://{}/by/skopeo:1", running.registry.host());
    let back = format!("oci:{}:1", layouts.path().join("back").display());
    for (from, to) in [
        (format!("oci:{}:1.0", source.display()), &registry),
        (registry.clone(), &back),
    ] {
        let copied = Command::new("skopeo")
            .args([
                "--insecure-policy",
                "copy",
                "--all",
                "--src-tls-verify=false",
                "--dest-tls-verify=false",
            ])
            .args([&from, to])
            .output();
        let copied = copied.expect("skopeo runs");
        assert!(
            copied.status.success(),
            "{from}: {}",
            String::from_utf8_lossy(&copied.stderr)
        );
    }
}
