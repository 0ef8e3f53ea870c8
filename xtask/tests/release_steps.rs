//! The steps of `.github/workflows/release.yml` that build and finish, run by a shell as they stand there. They compile what ships three times
//! over, with all optimisations, which is why nobody waits for them who does not ask.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use soci_documents::steps;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The scripts of a job.
fn scripts(workflow: &steps::Yaml, job: &str) -> Vec<String> {
    let runs = steps::runs(&workflow["jobs"][job]["steps"]);
    assert!(!runs.is_empty(), "{job} runs nothing");
    runs.into_iter().map(|run| run.script).collect()
}

/// Runs a script in a folder, with what GitHub sets; gives what it printed.
fn run(folder: &Path, script: &str) -> String {
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(folder);
    shell.env("GITHUB_REF_NAME", format!("v{VERSION}"));
    let output = shell.output().expect("there is a shell");
    assert!(output.status.success(), "{script}\n{output:#?}");
    String::from_utf8(output.stdout).expect("it is text")
}

#[test]
#[ignore = "compiles for ten minutes and more; run it before a release: cargo test -p xtask --test release_steps -- --ignored"]
fn the_jobs_before_publishing_make_what_is_published() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.expect("xtask lies in the workspace");
    let workflow = root.join(".github/workflows/release.yml");
    let workflow = steps::document(&fs::read_to_string(workflow).expect("it is there"));
    for job in ["build", "finish"] {
        for script in scripts(&workflow, job) {
            let _ = run(root, &script);
        }
    }

    let release = root.join("dist/release");
    let checked = run(&release, "sha256sum --check --strict SHA256SUMS");
    let arch = env::consts::ARCH.replace("aarch64", "arm64");
    let programs = ["", "static-"].map(|linkage| format!("soci-index-{linkage}{arch}.tar.gz"));
    let zip = format!("soci-index-builder-{arch}.zip");
    for file in programs.iter().chain([&zip]) {
        assert!(checked.contains(&format!("{file}: OK")), "{checked}");
    }
    for archive in &programs {
        let unpacked = tempfile::tempdir().expect("a folder can be made");
        let archive = release.join(archive);
        let unpack = format!("tar -xzf '{}'; ./soci-index --version", archive.display());
        let told = run(unpacked.path(), &unpack);
        assert_eq!(told.trim(), format!("soci-index {VERSION}"));
    }
    // What the image's archive says of itself, to a reader that is not ours.
    let image = release.join("soci-index-image.tar");
    let inspect = format!("skopeo inspect --config 'oci-archive:{}'", image.display());
    assert!(run(root, &inspect).contains("SSL_CERT_FILE"));
}
