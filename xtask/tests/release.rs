//! Finishing and publishing a release (`.github/workflows/release.yml`) in seconds, with texts for programs: into a real registry with a
//! password, and with a stand-in for GitHub's own command line, which nobody but GitHub can answer. `release_steps.rs` has the programs.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const TOKEN: &str = "a-token";
const USER: &str = "octocat";

/// What `gh` would have been asked for.
const GH: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$GH_ASKED\"\n";

/// Debian's registry, which ends with its test.
struct Registry(Child, String);

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A registry that knows one user.
fn registry(folder: &Path) -> Registry {
    let mut htpasswd = Command::new("htpasswd");
    let known = htpasswd.args(["-Bbn", USER, TOKEN]).output();
    let known = known.expect("htpasswd is installed: apt-get install apache2-utils");
    let users = folder.join("users");
    fs::write(&users, known.stdout).expect("it is written");
    let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let host = free.local_addr().expect("it has an address").to_string();
    drop(free);
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {data}}}}}\nhttp: {{addr: \"{host}\"}}\n\
         auth: {{htpasswd: {{realm: test, path: {users}}}}}\n",
        data = folder.join("data").display(),
        users = users.display(),
    );
    let path = folder.join("config.yml");
    fs::write(&path, config).expect("it is written");
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&path).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let process = command.spawn();
    let process = process.expect("docker-registry is installed: apt-get install docker-registry");
    let registry = Registry(process, host);
    let end = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(&registry.1).is_err() {
        assert!(Instant::now() < end, "nobody listens at {}", registry.1);
        std::thread::sleep(Duration::from_millis(20));
    }
    registry
}

/// An archive with a program, as `build` leaves one for each processor.
fn packed(program: &str) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(program.len() as u64);
    header.set_mode(0o755);
    let mut archive = tar::Builder::new(Vec::new());
    let added = archive.append_data(&mut header, "soci-index", program.as_bytes());
    added.expect("memory takes it");
    let tar = archive.into_inner().expect("memory takes it");
    let mut gzip = flate2::read::GzEncoder::new(&tar[..], flate2::Compression::fast());
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut gzip, &mut bytes).expect("memory takes it");
    bytes
}

fn release(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command
        .arg("release")
        .arg("--folder")
        .arg(folder.join("release"));
    command.args(words).stdin(Stdio::null());
    command.env_remove("GH_TOKEN").env_remove("GITHUB_OUTPUT");
    command
}

fn run(mut command: Command) -> Output {
    let output = command.output().expect("it starts");
    assert!(output.status.success(), "{command:?}\n{output:#?}");
    output
}

/// A folder with what machines of both processors built.
fn built() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let release = folder.path().join("release");
    fs::create_dir(&release).expect("the folder is writable");
    for arch in ["x86_64", "arm64"] {
        let zip = release.join(format!("soci-index-builder-{arch}.zip"));
        fs::write(zip, arch).expect("it is written");
        for linkage in ["", "static-"] {
            let path = release.join(format!("soci-index-{linkage}{arch}.tar.gz"));
            fs::write(path, packed(arch)).expect("it is written");
        }
    }
    folder
}

#[test]
fn what_was_built_is_finished_and_published() {
    let folder = built();
    let path = folder.path();
    let tag = format!("v{VERSION}");
    run(release(path, &["finish", "--tag", &tag]));
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "SHA256SUMS"]);
    check.current_dir(path.join("release"));
    let checked = String::from_utf8(run(check).stdout).expect("it is text");
    let files: Vec<_> = checked
        .lines()
        .filter_map(|line| line.strip_suffix(": OK"))
        .collect();
    let expected = [
        "LICENSE",
        "THIRD-PARTY-LICENSES.txt",
        "soci-index-arm64.tar.gz",
        "soci-index-builder-arm64.zip",
        "soci-index-builder-x86_64.zip",
        "soci-index-builder.cdx.json",
        "soci-index-image.tar",
        "soci-index-static-arm64.tar.gz",
        "soci-index-static-x86_64.tar.gz",
        "soci-index-x86_64.tar.gz",
        "template.yaml",
    ];
    assert_eq!(files, expected);

    let gh = path.join("bin/gh");
    fs::create_dir(path.join("bin")).expect("the folder is writable");
    fs::write(&gh, GH).expect("it is written");
    fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let (asked, outputs) = (path.join("asked"), path.join("outputs"));
    fs::write(&outputs, "").expect("it is written");
    let registry = registry(path);
    let image = format!("{}/Owner/Name/soci-index", registry.1);
    let mut publish = release(
        path,
        &["publish", "--plain-http", "--tag", &tag, "--image", &image],
    );
    let programs = std::env::var("PATH").unwrap_or_default();
    publish
        .env("PATH", format!("{}:{programs}", path.join("bin").display()))
        .env("GH_TOKEN", TOKEN)
        .env("GITHUB_ACTOR", USER)
        .env("GITHUB_OUTPUT", &outputs)
        .env("GH_ASKED", &asked)
        .env("REGISTRY_AUTH_FILE", path.join("auth.json"));
    let output = run(publish);
    let told = format!("{output:?}");
    assert!(!told.contains(TOKEN), "{told}");

    let asked = fs::read_to_string(asked).expect("gh was asked");
    assert!(
        asked.starts_with(&format!("release\ncreate\n{tag}\n--verify-tag\n")),
        "{asked}"
    );
    let named = |file: &&str| asked.contains(&format!("/release/{file}\n"));
    assert!(
        expected.iter().all(named) && named(&"SHA256SUMS"),
        "{asked}"
    );

    // By the digest that the next step gets, both processors' images are there.
    let outputs = fs::read_to_string(outputs).expect("they are there");
    let value = |name: &str| outputs.lines().find_map(|line| line.strip_prefix(name));
    let (repository, digest) = (
        value("repository=").expect("told"),
        value("digest=").expect("told"),
    );
    assert_eq!(repository, format!("{}/owner/name/soci-index", registry.1));
    for arch in ["amd64", "arm64"] {
        let mut inspect = Command::new("skopeo");
        inspect.args([
            "--insecure-policy",
            "--override-arch",
            arch,
            "inspect",
            "--config",
        ]);
        inspect.args(["--tls-verify=false", "--creds", &format!("{USER}:{TOKEN}")]);
        inspect.arg(format!("docker://{repository}@{digest}"));
        let config = String::from_utf8(run(inspect).stdout).expect("it is text");
        assert!(
            config.contains("SSL_CERT_FILE") && config.contains(arch),
            "{config}"
        );
    }
}

#[test]
fn what_is_not_ready_is_refused() {
    let folder = built();
    let refused = |words: &[&str]| {
        let output = release(folder.path(), words).output().expect("it starts");
        assert!(!output.status.success());
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let told = refused(&["finish", "--tag", "v999.0.0"]);
    assert!(told.contains("the tag is v999.0.0"), "{told}");
    let told = refused(&["publish", "--tag", "v1", "--image", "127.0.0.1:1/a"]);
    assert!(told.contains("has no SHA256SUMS"), "{told}");
    fs::remove_dir_all(folder.path().join("release")).expect("it is ours");
    fs::create_dir(folder.path().join("release")).expect("the folder is writable");
    let told = refused(&["finish", "--tag", &format!("v{VERSION}")]);
    assert!(
        told.contains("run `cargo xtask release build` first"),
        "{told}"
    );
}
