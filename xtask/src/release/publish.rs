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
}

/// Publishes. The image goes first: a release that names one is never without it.
pub(super) fn run(folder: &Path, options: &Options) -> Result<()> {
    let mut files = names(folder)?;
    ensure!(
        folder.join(SUMS).is_file(),
        "{} has no {SUMS}; run `cargo xtask release finish` first",
        folder.display()
    );
    files.push(SUMS.to_owned());
    // GitHub's registry takes lower-case names only.
    let repository = options.image.to_lowercase();
    if let Ok(token) = std::env::var("GH_TOKEN") {
        log_in(&repository, options.plain_http, &token)?;
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
fn log_in(repository: &str, plain_http: bool, token: &str) -> Result<()> {
    let host = repository.split('/').next().unwrap_or_default();
    let user = std::env::var("GITHUB_ACTOR").unwrap_or_else(|_| "github".to_owned());
    let mut login = Command::new("skopeo");
    login.args(["login", "--username", &user, "--password-stdin", host]);
    if plain_http {
        login.arg("--tls-verify=false");
    }
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
