//! The release goes to GitHub by its own command line, the image into a registry by skopeo; both are installed on GitHub's machines. The
//! image's digest goes to where GitHub's next step finds it, which attests where the image is from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{SUMS, image, names};
use crate::console;
use crate::workspace;

/// Options of `cargo xtask release publish`.
#[derive(Args)]
pub(crate) struct Options {
    /// The release's tag, which has to be there.
    #[arg(long)]
    tag: String,
    /// Where the image goes, HOST/REPOSITORY; it gets the version as its tag.
    #[arg(long)]
    image: String,
    /// The registry speaks http.
    #[arg(long)]
    plain_http: bool,
    /// The image only: no release is made.
    #[arg(long)]
    image_only: bool,
}

/// Publishes. The image goes first: a release that names one is never without it.
pub(super) fn run(folder: &Path, options: &Options) -> Result<()> {
    let token = std::env::var("GH_TOKEN").ok();
    publish(folder, options, token.as_deref())
}

fn publish(folder: &Path, options: &Options, token: Option<&str>) -> Result<()> {
    let mut files = names(folder)?;
    ensure!(
        folder.join(SUMS).is_file(),
        "{} has no {SUMS}; run `cargo xtask release finish` first",
        folder.display()
    );
    files.push(SUMS.to_owned());
    // GitHub's registry takes lower-case names only.
    let repository = options.image.to_lowercase();
    if let Some(token) = token {
        log_in(&repository, token)?;
    }
    let version = options.tag.trim_start_matches('v');
    let mut copy = Command::new("skopeo");
    let digest = folder.with_extension("digest");
    copy.args(["--insecure-policy", "copy", "--all", "--digestfile"]);
    copy.arg(&digest);
    if options.plain_http {
        copy.arg("--dest-tls-verify=false");
    }
    copy.arg(format!(
        "oci-archive:{}:{version}",
        folder.join(image::NAME).display()
    ));
    copy.arg(format!("docker://{repository}:{version}"));
    workspace::run(copy)?;
    tell(&repository, &digest)?;
    if options.image_only {
        return Ok(());
    }
    let mut release = Command::new("gh");
    release.args([
        "release",
        "create",
        &options.tag,
        "--verify-tag",
        "--generate-notes",
    ]);
    release.args(["--title", &options.tag]);
    release.args(files.iter().map(|name| folder.join(name)));
    workspace::run(release)
}

/// Prints the image's name by digest, and hands it to the steps behind this one, if they are GitHub's.
fn tell(repository: &str, digest: &Path) -> Result<()> {
    let read = fs::read_to_string(digest);
    let digest = read.with_context(|| format!("cannot read {}", digest.display()))?;
    let digest = digest.trim();
    console::line(&format!("{repository}@{digest}"));
    let Some(outputs) = std::env::var_os("GITHUB_OUTPUT") else {
        return Ok(());
    };
    let mut outputs = OpenOptions::new()
        .append(true)
        .open(outputs)
        .context("cannot open the file that GITHUB_OUTPUT names")?;
    write!(outputs, "repository={repository}\ndigest={digest}\n").context("cannot tell GitHub")
}

/// The token goes through a pipe: a command line can be read by others.
fn log_in(repository: &str, token: &str) -> Result<()> {
    let host = repository.split('/').next().unwrap_or_default();
    let user = std::env::var("GITHUB_ACTOR").unwrap_or_else(|_| "github".to_owned());
    let mut login = Command::new("skopeo");
    login.args(["login", "--username", &user, "--password-stdin", host]);
    let mut login = login
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start skopeo")?;
    let mut pipe = login.stdin.take().context("it is piped")?;
    pipe.write_all(token.as_bytes())
        .context("cannot tell skopeo the token")?;
    drop(pipe);
    let status = login.wait().context("cannot wait for skopeo")?;
    ensure!(status.success(), "skopeo login {host}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::process::Child;
    use std::time::{Duration, Instant};

    use super::super::program::{Linkage, archive, programs};
    use super::super::sums;
    use super::*;
    use crate::package::Arch;

    /// Debian's registry, which ends with its test.
    struct Registry(Child, String);

    impl Drop for Registry {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn registry(folder: &Path) -> Registry {
        let free = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let host = free.local_addr().expect("it has an address").to_string();
        drop(free);
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{host}\"}}\n",
            folder.join("data").display()
        );
        let path = folder.join("config.yml");
        fs::write(&path, config).expect("it is written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&path).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn();
        let process =
            process.expect("docker-registry is installed: apt-get install docker-registry");
        let registry = Registry(process, host);
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.1).is_err() {
            assert!(Instant::now() < end, "nobody listens at {}", registry.1);
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    #[test]
    fn the_image_lands_in_a_registry_under_the_version() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let release = folder.path().join("release");
        fs::create_dir(&release).expect("the folder is writable");
        let packed = archive(b"program").expect("it is packed");
        fs::write(
            release.join(Linkage::Static.archive_name(Arch::X86_64)),
            packed,
        )
        .expect("it is written");
        let programs = programs(&release).expect("they are read");
        let image = image::archive(&programs, "1.2.3").expect("it is packed");
        fs::write(release.join(image::NAME), image).expect("it is written");
        let registry = registry(folder.path());
        let options = Options {
            tag: "v1.2.3".to_owned(),
            image: format!("{}/Owner/soci-index", registry.1),
            plain_http: true,
            image_only: true,
        };
        let error = publish(&release, &options, None).expect_err("there are no checksums");
        assert!(error.to_string().contains(SUMS), "{error}");
        let sums = sums(&release).expect("they are made");
        fs::write(release.join(SUMS), sums).expect("it is written");
        publish(&release, &options, None).expect("it is published");
        let mut inspect = Command::new("skopeo");
        inspect.args([
            "--insecure-policy",
            "inspect",
            "--tls-verify=false",
            "--override-arch=amd64",
            "--config",
        ]);
        inspect.arg(format!("docker://{}/owner/soci-index:1.2.3", registry.1));
        let config = workspace::stdout_of(inspect).expect("it is there");
        assert!(
            config.contains("/soci-index") && config.contains("SSL_CERT_FILE"),
            "{config}"
        );
    }
}
