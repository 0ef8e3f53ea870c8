//! The whole flow on a small tree of files.

mod damage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use soci_demo::{
    Audience, DemoError, Ending, Given, LayerPlan, Options, Plan, PlatformPlan, Root, What,
};
use soci_index::Silent;
use soci_registry::{LayoutStore, Target};
use soci_testkit::content;
use tempfile::TempDir;

/// A small layer has fewer compressed bytes than this.
const MIN_LAYER_BYTES: u64 = 20_000;

/// Collects what is told.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Lines {
    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("\n")
    }
}

impl Audience for Lines {
    fn say(&self, line: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line.to_owned());
    }

    fn step(&self, _: &str, _: u64) -> Box<dyn Fn(u64) + Send + Sync> {
        Box::new(|_| ())
    }

    fn layers(&self) -> Arc<dyn soci_index::Progress> {
        Arc::new(Silent)
    }
}

/// Text in which every byte of a window is needed: it repeats what came 32,000 bytes before, but for one byte in a hundred.
fn repetitive(bytes: usize) -> Vec<u8> {
    let mut text = content::random(1, 32_000);
    let fresh = content::random(2, bytes / 100 + 1);
    while text.len() < bytes {
        let next = match text.len() % 100 {
            0 => fresh[text.len() / 100],
            _ => text[text.len() - 32_000],
        };
        text.push(next);
    }
    text
}

/// Three layers for two platforms, the lowest of them of several spans, the topmost too small.
fn plan(folder: &Path) -> Plan {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    };
    write("base/large", &repetitive(11 << 20));
    write("base/empty", b"");
    for number in 0..200 {
        let name = format!("base/many/{}{number}", "long-".repeat(30));
        write(&name, &content::random(number, 500));
    }
    std::os::unix::fs::symlink("large", folder.join("base/link")).expect("made");
    write("amd64/program", &content::random(3, 100_000));
    write("arm64/program", &content::random(4, 100_000));
    write("top/config", b"key=value\n");
    let layer = |name: &str| LayerPlan {
        roots: vec![Root {
            folder: folder.join(name),
            into: format!("srv/{name}"),
        }],
        most_bytes: 1 << 30,
    };
    let platform = |architecture, layers: [usize; 3]| PlatformPlan {
        architecture,
        layers: layers.to_vec(),
    };
    Plan {
        layers: ["base", "amd64", "arm64", "top"].map(layer).to_vec(),
        platforms: vec![platform("amd64", [0, 1, 3]), platform("arm64", [0, 2, 3])],
    }
}

fn options(what: What) -> Options {
    Options {
        port: 0,
        what,
        keep: false,
        min_layer_bytes: MIN_LAYER_BYTES,
        after_indexing: None,
    }
}

/// Runs to its end; what was told.
async fn run(options: Options) -> (Result<Ending, DemoError>, String) {
    let lines = Arc::new(Lines::default());
    let result = soci_demo::run(options, Arc::clone(&lines) as _, std::future::pending()).await;
    (result, lines.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_a_small_tree_is_proven() {
    let folder = TempDir::new().expect("a folder");
    let (result, told) = run(options(What::Made(plan(folder.path())))).await;
    assert_eq!(result.expect(&told), Ending::Proven, "{told}");
    for line in [
        "indexed    127.0.0.1:",
        "  linux/amd64\n",
        "  linux/arm64\n",
        "shared with linux/amd64",
        "no zTOC: too-small",
        "3 skipped (own-output)",
        "204 files read through zTOCs",
        "1 file of layers without a zTOC",
        "/demo/app:1-soci",
    ] {
        assert!(told.contains(line), "{line:?} is missing:\n{told}");
    }
    // What is told of the folder is true: it is gone.
    let line = told.lines().next().expect("a line");
    let path = line
        .split(" in ")
        .nth(1)
        .and_then(|rest| rest.split(" until").next());
    let path = PathBuf::from(path.expect("the folder is named"));
    assert!(path.is_absolute() && !path.exists(), "{line}");
}

/// An image of somebody's own in a layout.
fn given(folder: &Path, case: &str) -> What {
    let cases = soci_testkit::image_cases();
    let case = cases
        .into_iter()
        .find(|known| known.id == case)
        .expect("there is such a case");
    case.image.write_layout(folder).expect("written");
    What::Given(Given {
        store: Arc::new(LayoutStore::open(folder).expect("a layout")),
        target: Target::OnlyEntry,
        name: format!("oci:{}", folder.display()),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_ones_own_is_copied_and_its_ztocs_proven_in_full() {
    let folder = TempDir::new().expect("a folder");
    let (result, told) = run(Options {
        min_layer_bytes: 0,
        ..options(given(&folder.path().join("layout"), GIVEN))
    })
    .await;
    assert_eq!(result.expect(&told), Ending::Proven, "{told}");
    assert!(told.contains("in full against their layers"), "{told}");
    assert!(told.contains("/demo/app:copied-soci"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_with_nothing_to_index_is_skipped() {
    let folder = TempDir::new().expect("a folder");
    let (result, told) = run(Options {
        min_layer_bytes: 1 << 30,
        ..options(given(&folder.path().join("layout"), GIVEN))
    })
    .await;
    assert_eq!(result.expect(&told), Ending::Skipped, "{told}");
    assert!(told.contains("skipped    no-eligible-layers"), "{told}");
}

/// An image index of two platforms, of the test kit's.
const GIVEN: &str = "index-shared-layers";

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let folder = TempDir::new().expect("a folder");
    let (result, _) = run(Options {
        port,
        ..options(What::Made(plan(folder.path())))
    })
    .await;
    let error = result.expect_err("it is taken").to_string();
    assert!(
        error.contains(&format!("127.0.0.1:{port}")) && error.contains("--port 0"),
        "{error}"
    );
}

/// Somebody else's client pushes while the registry is kept, and the function indexes by event.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_of_skopeo_is_indexed_by_event() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        // Not captured, unlike what a passing test prints.
        let why = "NOT TESTED: skopeo is missing, so nobody else pushed into the demonstration's registry\n";
        fs::write("/dev/stderr", why).expect("somebody has to know");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let layout = folder.path().join("layout");
    let What::Given(image) = given(&layout, GIVEN) else {
        panic!("it is given");
    };
    let kept = Options {
        keep: true,
        min_layer_bytes: 0,
        ..options(What::Given(image))
    };
    let lines = Arc::new(Lines::default());
    let (to_end, end) = tokio::sync::oneshot::channel::<()>();
    let end = async move {
        let _ = end.await;
    };
    let running = tokio::spawn(soci_demo::run(kept, Arc::clone(&lines) as _, end));
    let told = until(&lines, "listening").await;
    let host = told
        .split("registry   ")
        .nth(1)
        .and_then(|rest| rest.split(',').next());
    let host = host.expect("the address is told").to_owned();
    let from = format!("oci:{}", layout.display());
    let to = format!("docker://{host}/by/skopeo:v1");
    let copied = tokio::task::spawn_blocking(move || {
        let mut skopeo = Command::new("skopeo");
        skopeo.args([
            "--insecure-policy",
            "copy",
            "--all",
            "--dest-tls-verify=false",
        ]);
        skopeo.args([from, to]).output().expect("skopeo runs")
    });
    let copied = copied.await.expect("it ends");
    assert!(
        copied.status.success(),
        "{}",
        String::from_utf8_lossy(&copied.stderr)
    );
    let told = until(&lines, "by/skopeo:v1-soci, skipped (own-output)").await;
    let indexed = format!("{host}/by/skopeo:v1, indexed: {host}/by/skopeo:v1-soci");
    assert!(told.contains(&indexed), "{told}");
    to_end.send(()).expect("it listens");
    let ended = running.await.expect("no panic");
    assert_eq!(ended.expect("a good end"), Ending::Proven);
}

/// Waits until something is told.
async fn until(lines: &Lines, what: &str) -> String {
    let begun = Instant::now();
    loop {
        let told = lines.text();
        if told.contains(what) {
            return told;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "{what:?} is not told:\n{told}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_it_leaves_nothing() {
    let folder = TempDir::new().expect("a folder");
    let lines = Arc::new(Lines::default());
    let end = {
        let lines = Arc::clone(&lines);
        async move {
            until(&lines, "registry").await;
        }
    };
    let what = What::Made(plan(folder.path()));
    let ended = soci_demo::run(options(what), Arc::clone(&lines) as _, end).await;
    assert!(matches!(ended, Err(DemoError::Interrupted)), "{ended:?}");
    let told = lines.text();
    let path = told
        .split(" in ")
        .nth(1)
        .and_then(|rest| rest.split(" until").next());
    assert!(
        !Path::new(path.expect("the folder is named")).exists(),
        "{told}"
    );
}
