//! The three ways to an indexed image, each from a state where nothing is indexed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::Options;
use super::make::{self, Image, TAG};
use crate::measure::{self, Cost, Place};
use crate::proxy::{Moved, Proxy};
use crate::registry::Registry;

/// Given to both builders, because the identifier is part of the bytes.
const BUILD_TOOL: &str = "soci-bench";

/// The tag of results.
const OUTPUT_TAG: &str = "1-soci";

/// The repository that nobody indexes: each run gets one like it.
const SOURCE: &str = "source";

/// The repository of a run.
const FRESH: &str = "fresh";

/// One image, ready to be indexed again and again.
pub(super) struct Bench<'a> {
    options: &'a Options,
    pub(super) registry: &'a Registry,
    pub(super) image: &'a Image,
    /// Files of a run.
    scratch: PathBuf,
    /// Repositories of this image.
    prefix: String,
}

impl<'a> Bench<'a> {
    /// Pushes the image.
    pub(super) fn new(
        options: &'a Options,
        registry: &'a Registry,
        image: &'a Image,
        work: &Path,
    ) -> Result<Bench<'a>> {
        let bench = Bench {
            options,
            registry,
            image,
            scratch: work.join("scratch"),
            prefix: image.name.replace(' ', "-"),
        };
        let to = format!(
            "docker://{}/{}:{TAG}",
            registry.host(),
            bench.repository(SOURCE)
        );
        let from = format!("oci:{}:{TAG}", image.layout.display());
        measure::cost_of(&skopeo("--dest-tls-verify=false", from, to))
            .context("skopeo cannot push; install it: apt-get install skopeo")?;
        Ok(bench)
    }

    /// Ours, registry to registry. It may write to no file at all.
    pub(super) fn ours(&self, host: &str, expected: &str) -> Result<Cost> {
        self.in_fresh_repository(|repository| {
            let command = self.our_command(host, repository);
            let cost = self.in_scratch(|place| {
                let may_write_files = false;
                let place = Place {
                    may_write_files,
                    ..place
                };
                measure::cost_at(place, &command)
            })?;
            self.must_be(repository, expected)?;
            Ok(cost)
        })
    }

    /// Ours through a proxy, and once more: sizes of the zTOCs, and what each run moved.
    pub(super) fn ours_twice(
        &self,
        proxy: &Proxy,
        expected: &str,
    ) -> Result<(Vec<u64>, Moved, Moved)> {
        self.in_fresh_repository(|repository| {
            let command = self.our_command(proxy.host(), repository);
            proxy.take();
            let answer = answer(&command)?;
            let first = proxy.take();
            ensure!(
                answer.outcome == "indexed",
                "ours: outcome {}",
                answer.outcome
            );
            self.must_be(repository, expected)?;
            let before = self.registry.written(repository)?;
            let again = self::answer(&command)?.outcome;
            let second = proxy.take();
            ensure!(
                again == "already-indexed",
                "ours, second run: outcome {again}"
            );
            ensure!(
                self.registry.written(repository)? == before,
                "ours, second run: something was written into the repository"
            );
            let layers = answer
                .platforms
                .into_iter()
                .flat_map(|platform| platform.layers);
            let ztocs = layers.filter_map(|layer| layer.ztoc);
            Ok((ztocs.map(|ztoc| ztoc.size).collect(), first, second))
        })
    }

    /// The reference's conversion, layout to layout, and the digest that came out.
    pub(super) fn reference(&self, expected: Option<&str>) -> Result<(Cost, String)> {
        self.in_scratch(|place| {
            let output = place.folder.join("converted");
            let cost = measure::cost_at(place, &self.convert(&self.image.layout, &output))?;
            let digest = make::root(&output)?;
            ensure!(
                expected.is_none_or(|expected| digest == expected),
                "the reference wrote {digest} this time"
            );
            Ok((cost, digest))
        })
    }

    /// Download with skopeo, the reference's conversion, push with skopeo.
    pub(super) fn download(&self, host: &str, expected: &str) -> Result<Cost> {
        self.in_fresh_repository(|repository| {
            let image = |tag| format!("docker://{host}/{repository}:{tag}");
            self.in_scratch(|place| {
                let (downloaded, output) = (
                    place.folder.join("downloaded"),
                    place.folder.join("converted"),
                );
                let layout = |folder: &Path, tag: &str| format!("oci:{}:{tag}", folder.display());
                let pull = skopeo(
                    "--src-tls-verify=false",
                    image(TAG),
                    layout(&downloaded, TAG),
                );
                let push = skopeo(
                    "--dest-tls-verify=false",
                    layout(&output, OUTPUT_TAG),
                    image(OUTPUT_TAG),
                );
                let mut cost = measure::cost_at(place, &pull)?;
                cost = cost.then(measure::cost_at(
                    place,
                    &self.convert(&downloaded, &output),
                )?);
                let digest = make::root(&output)?;
                ensure!(digest == expected, "the reference wrote {digest} this time");
                cost = cost.then(measure::cost_at(place, &push)?);
                // Which digest it has is skopeo's: before 1.14 it writes every index anew, without artifact types.
                self.registry.digest(repository, OUTPUT_TAG)?;
                Ok(cost)
            })
        })
    }

    fn our_command(&self, host: &str, repository: &str) -> Vec<OsString> {
        vec![
            self.options.ours.clone().into(),
            "build".into(),
            "--json".into(),
            "--build-tool-identifier".into(),
            BUILD_TOOL.into(),
            format!("{host}/{repository}:{TAG}").into(),
        ]
    }

    fn convert(&self, from: &Path, to: &Path) -> Vec<OsString> {
        vec![
            self.options.reference.clone().into(),
            "convert".into(),
            "-tool".into(),
            BUILD_TOOL.into(),
            from.into(),
            format!("{}:{OUTPUT_TAG}", to.display()).into(),
        ]
    }

    fn repository(&self, which: &str) -> String {
        format!("{}/{which}", self.prefix)
    }

    fn in_fresh_repository<T>(&self, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        let fresh = self.repository(FRESH);
        self.registry.copy(&self.repository(SOURCE), &fresh)?;
        let result = work(&fresh)?;
        self.registry.remove(&fresh)?;
        Ok(result)
    }

    /// What is left of an earlier run goes, and nothing of this one stays.
    fn in_scratch<T>(&self, work: impl FnOnce(Place<'_>) -> Result<T>) -> Result<T> {
        let clear = || {
            if self.scratch.is_dir() {
                fs::remove_dir_all(&self.scratch)?;
            }
            anyhow::Ok(())
        };
        clear()?;
        fs::create_dir_all(&self.scratch)?;
        let result = work(Place {
            folder: &self.scratch,
            may_write_files: true,
        })?;
        clear()?;
        Ok(result)
    }

    fn must_be(&self, repository: &str, expected: &str) -> Result<()> {
        let found = self.registry.digest(repository, OUTPUT_TAG)?;
        ensure!(
            found == expected,
            "the results differ: ours {found}, the reference's {expected}"
        );
        Ok(())
    }
}

fn skopeo(insecure: &str, from: String, to: String) -> Vec<OsString> {
    let words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all"];
    let mut command: Vec<OsString> = words.map(OsString::from).into();
    command.extend([insecure.into(), from.into(), to.into()]);
    command
}

/// What `soci-index build --json` prints, as far as it is used here.
#[derive(Deserialize)]
struct Answer {
    outcome: String,
    platforms: Vec<AnswerPlatform>,
}

#[derive(Deserialize)]
struct AnswerPlatform {
    layers: Vec<AnswerLayer>,
}

#[derive(Deserialize)]
struct AnswerLayer {
    ztoc: Option<AnswerZtoc>,
}

#[derive(Deserialize)]
struct AnswerZtoc {
    size: u64,
}

fn answer(command: &[OsString]) -> Result<Answer> {
    let (program, args) = command.split_first().context("our command is not empty")?;
    let output = Command::new(program).args(args).output();
    let output = output.context("cannot start our program")?;
    if !output.status.success() {
        bail!("ours: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("our program printed no result")
}
