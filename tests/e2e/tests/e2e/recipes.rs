//! The recipes for CI systems, step by step as they stand in `action.yml` and docs/ci.md, on a real registry.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use soci_documents::steps;
use soci_documents::{Block, Page};
use soci_e2e::recipe::{Done, Runner};
use soci_e2e::{Registry, images, program, prove, skopeo, tagged, walk};
use soci_registry::{Digest, Store};
use soci_testkit::image::Image;
use tempfile::TempDir;

/// Nothing is released there.
const NO_RELEASES: &str = "https://releases.invalid";

/// Made once: reading this machine's files takes a while.
static IMAGE: LazyLock<Image> = LazyLock::new(|| images::real_files("1"));

/// A registry with an image of layers that are large enough, and its name.
async fn pushed() -> (Registry, Arc<dyn Store>, String) {
    let registry = Registry::docker();
    let store: Arc<dyn Store> = registry.store("team/app");
    images::push(&*store, &IMAGE).await.unwrap();
    let name = format!("{}/team/app", registry.host());
    (registry, store, name)
}

/// That a tag holds a whole index whose zTOCs are right, and its digest.
async fn proven(store: &dyn Store, tag: &str) -> Digest {
    let walked = walk(store, &tagged(tag)).await.unwrap();
    assert!(prove(&walked).unwrap() > 0);
    walked.root
}

fn output<'a>(done: &'a Done, name: &str) -> &'a str {
    &done.outputs[name]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_action_indexes_what_was_pushed() {
    let (_registry, store, name) = pushed().await;
    let image = format!("{name}:1");
    let done = Runner::with_program()
        .action(NO_RELEASES, &[("image", &image)])
        .unwrap();
    assert_eq!(done.steps, ["Get soci-index", "Index", "Verify"]);
    assert_eq!(output(&done, "outcome"), "indexed");
    assert_eq!(output(&done, "reference"), format!("{name}:1-soci"));
    assert_eq!(
        output(&done, "digest"),
        proven(&*store, "1-soci").await.to_string()
    );
    let inputs = [("image", image.as_str()), ("verify", "false")];
    let again = Runner::with_program().action(NO_RELEASES, &inputs).unwrap();
    assert_eq!(again.steps, ["Get soci-index", "Index"]);
    assert_eq!(output(&again, "outcome"), "already-indexed");
    assert_eq!(output(&again, "digest"), output(&done, "digest"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_action_takes_another_tag_and_format() {
    let (_registry, store, name) = pushed().await;
    let image = format!("{name}:1");
    let inputs = [("image", image.as_str()), ("output-tag", "lazy-{tag}")];
    let done = Runner::with_program().action(NO_RELEASES, &inputs).unwrap();
    assert_eq!(output(&done, "reference"), format!("{name}:lazy-1"));
    proven(&*store, "lazy-1").await;
    let inputs = [("image", image.as_str()), ("format", "v1")];
    let done = Runner::with_program().action(NO_RELEASES, &inputs).unwrap();
    assert_eq!(
        (output(&done, "outcome"), output(&done, "reference")),
        ("indexed", "")
    );
    assert_eq!(done.steps.len(), 3, "the image itself is verified");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_with_nothing_to_index_passes_and_a_missing_one_fails() {
    let registry = Registry::docker();
    let store: Arc<dyn Store> = registry.store("app");
    images::push(&*store, &images::two_platforms(1, "1"))
        .await
        .unwrap();
    let image = format!("{}/app:1", registry.host());
    let done = Runner::with_program()
        .action(NO_RELEASES, &[("image", &image)])
        .unwrap();
    assert_eq!(
        done.steps,
        ["Get soci-index", "Index"],
        "nothing is there to verify"
    );
    assert_eq!(
        (output(&done, "outcome"), output(&done, "reason")),
        ("skipped", "no-eligible-layers")
    );
    assert_eq!(output(&done, "reference"), format!("{image}-soci"));
    let missing = format!("{}/app:2", registry.host());
    let failed = Runner::with_program()
        .action(NO_RELEASES, &[("image", &missing)])
        .unwrap_err();
    assert_eq!(
        (failed.step.as_str(), failed.code),
        ("Index", Some(1)),
        "{}",
        failed.said
    );
}

/// A folder in place of a server of releases.
struct Releases {
    folder: TempDir,
    /// The program as a release has it.
    archive: PathBuf,
    /// Its checksum.
    sha256: String,
}

impl Releases {
    /// What stands for the server's address, and its name among those of releases.
    fn address(&self) -> String {
        format!(
            "file://{}/RELEASES/owner/name",
            self.folder.path().display()
        )
    }
}

fn releases() -> Releases {
    let folder = tempfile::tempdir().unwrap();
    let arch = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let release = folder.path().join("owner/name/releases/download/v0.0.0");
    std::fs::create_dir_all(&release).unwrap();
    let archive = release.join(format!("soci-index-{arch}.tar.gz"));
    let program = program::path("soci-index");
    let mut tar = Command::new("tar");
    tar.arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(program.parent().unwrap())
        .arg("soci-index");
    assert!(tar.status().unwrap().success());
    let digest = Digest::of(&std::fs::read(&archive).unwrap());
    Releases {
        folder,
        archive,
        sha256: digest.hex().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_action_installs_a_release_only_with_its_checksum() {
    let (_registry, store, name) = pushed().await;
    let releases = releases();
    let address = releases.address();
    let image = format!("{name}:1");
    let inputs = |sha256| {
        [
            ("image", image.as_str()),
            ("version", "v0.0.0"),
            ("sha256", sha256),
        ]
    };
    let of_others = "0".repeat(64);
    for wrong in ["", &of_others] {
        let failed = Runner::without_program()
            .action(&address, &inputs(wrong))
            .unwrap_err();
        assert_eq!(failed.step, "Get soci-index", "{}", failed.said);
    }
    assert!(
        walk(&*store, &tagged("1-soci")).await.is_err(),
        "nothing was run"
    );
    let done = Runner::without_program()
        .action(&address, &inputs(&releases.sha256))
        .unwrap();
    assert_eq!(output(&done, "outcome"), "indexed");
    proven(&*store, "1-soci").await;
    let without = Runner::without_program();
    let on_path = without
        .script("", "command -v soci-index", &BTreeMap::new())
        .is_ok();
    if !on_path {
        let failed = Runner::without_program()
            .action(&address, &[("image", &image)])
            .unwrap_err();
        assert!(
            failed.said.contains("there is no soci-index on the path"),
            "{}",
            failed.said
        );
    }
}

/// The block of docs/ci.md under a heading.
fn recipe(heading: &str) -> steps::Yaml {
    let page = Page::read(Path::new("docs/ci.md"));
    let at = page.line_of(heading);
    let mut blocks = page.blocks().into_iter();
    let is_it = |block: &Block| block.line > at && block.language.as_deref() == Some("yaml");
    steps::document(&blocks.find(is_it).expect("a block of YAML").text)
}

/// buildx leaves an archive; skopeo makes one here, of the same kind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_indexed_and_then_pushed() {
    let (registry, _, name) = pushed().await;
    let mut runner = Runner::with_program();
    let layout = runner.folder().join("layout");
    skopeo::copy_all(&format!("{name}:1"), &layout);
    let own = [(
        "SKOPEO",
        format!(
            "skopeo --insecure-policy copy --quiet --all oci:{}:{} oci-archive:image.tar:1",
            layout.display(),
            skopeo::COPIED
        ),
    )];
    let own = own.map(|(name, value)| (name.to_owned(), value)).into();
    runner.script("", "$SKOPEO", &own).unwrap();
    let recipe = recipe("Before the push");
    let inputs = steps::pairs(&recipe["steps"][1]["with"]);
    let image = inputs
        .iter()
        .find(|(name, _)| name == "image")
        .map(|(_, value)| steps::text(value));
    let done = runner
        .action(NO_RELEASES, &[("image", &image.unwrap())])
        .unwrap();
    assert_eq!(output(&done, "reference"), "oci-archive:image.tar:1-soci");
    let push = steps::runs(&recipe["steps"]).pop().unwrap().script;
    // What a registry without TLS needs beside what stands there.
    let push = push.replace(
        "skopeo copy",
        "skopeo --insecure-policy copy --dest-tls-verify=false",
    );
    runner.set("REPOSITORY", &format!("{}/pushed", registry.host()));
    runner.script("", &push, &BTreeMap::new()).unwrap();
    let store = registry.store("pushed");
    let result = walk(&*store, &tagged("1-soci")).await.unwrap();
    assert!(prove(&result).unwrap() > 0);
    let is_the_same = result.root.to_string() == output(&done, "digest");
    assert_eq!(is_the_same, !skopeo::writes_indexes_anew());
    assert!(walk(&*store, &tagged("1")).await.is_ok());
}

/// GitLab's `script` and CodeBuild's `commands`, as they stand there, one shell for all of them as both have it.
async fn commands_index(lists: &[&steps::Yaml]) {
    let (_registry, store, name) = pushed().await;
    let releases = releases();
    let mut runner = Runner::without_program();
    runner.set("IMAGE", &format!("{name}:1"));
    runner.set(
        "SOCI_INDEX_URL",
        &format!("file://{}", releases.archive.display()),
    );
    runner.set("SOCI_INDEX_SHA256", &releases.sha256);
    let commands: Vec<_> = lists.iter().flat_map(|list| steps::texts(list)).collect();
    assert!(commands.len() >= 5, "{commands:?}");
    let script = commands.join("\n");
    runner.script("", &script, &BTreeMap::new()).unwrap();
    proven(&*store, "1-soci").await;
    runner.set("SOCI_INDEX_SHA256", &"0".repeat(64));
    let failed = runner.script("", &script, &BTreeMap::new()).unwrap_err();
    assert!(failed.said.contains("FAILED"), "{}", failed.said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_for_gitlab_index() {
    let recipe = recipe("GitLab");
    commands_index(&[&recipe["index"]["script"]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_steps_for_codebuild_index() {
    let recipe = recipe("AWS CodeBuild");
    let phases = &recipe["phases"];
    let lists = [&phases["install"]["commands"], &phases["build"]["commands"]];
    commands_index(&lists).await;
}
