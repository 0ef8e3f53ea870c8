//! The three ways to an indexed image, each from a state where nothing is indexed.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::Options;
use super::make::{self, Image, TAG};
use super::stage::{BUILD_TOOL, OUTPUT_TAG, Stage, skopeo};
use crate::measure::{self, Cost, Place};
use crate::proxy::{Moved, Proxy};
use crate::registry::Registry;

/// One image, and our program.
pub(super) struct Bench<'a> {
    ours: &'a Path,
    pub(super) stage: Stage<'a>,
}

impl<'a> Bench<'a> {
    /// Pushes the image.
    pub(super) fn new(
        options: &'a Options,
        registry: &'a Registry,
        image: &'a Image,
        work: &Path,
    ) -> Result<Bench<'a>> {
        Ok(Bench {
            ours: &options.ours,
            stage: Stage::new(&options.reference, registry, image, work)?,
        })
    }

    /// Ours, registry to registry. It may write to no file at all.
    pub(super) fn ours(&self, host: &str, expected: &str) -> Result<Cost> {
        self.stage.in_fresh_repository(|repository| {
            let command = self.our_command(host, repository);
            let cost = self.stage.in_scratch(|place| {
                let may_write_files = false;
                let place = Place {
                    may_write_files,
                    ..place
                };
                measure::cost_at(place, &command)
            })?;
            self.stage.must_be(repository, expected)?;
            Ok(cost)
        })
    }

    /// Ours through a proxy, and once more: sizes of the zTOCs, and what each run moved.
    pub(super) fn ours_twice(
        &self,
        proxy: &Proxy,
        expected: &str,
    ) -> Result<(Vec<u64>, Moved, Moved)> {
        self.stage.in_fresh_repository(|repository| {
            let command = self.our_command(proxy.host(), repository);
            proxy.take();
            let answer = answer(&command)?;
            let first = proxy.take();
            ensure!(
                answer.outcome == "indexed",
                "ours: outcome {}",
                answer.outcome
            );
            self.stage.must_be(repository, expected)?;
            let before = self.stage.registry.written(repository)?;
            let again = self::answer(&command)?.outcome;
            let second = proxy.take();
            ensure!(
                again == "already-indexed",
                "ours, second run: outcome {again}"
            );
            ensure!(
                self.stage.registry.written(repository)? == before,
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

    /// Download with skopeo, the reference's conversion, push with skopeo.
    pub(super) fn download(&self, host: &str, expected: &str) -> Result<Cost> {
        self.stage.in_fresh_repository(|repository| {
            let image = |tag| format!("docker://{host}/{repository}:{tag}");
            self.stage.in_scratch(|place| {
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
                    &self.stage.convert(&downloaded, &output),
                )?);
                let digest = make::root(&output)?;
                ensure!(digest == expected, "the reference wrote {digest} this time");
                cost = cost.then(measure::cost_at(place, &push)?);
                // Which digest it has is skopeo's: before 1.14 it writes every index anew, without artifact types.
                self.stage.registry.digest(repository, OUTPUT_TAG)?;
                Ok(cost)
            })
        })
    }

    fn our_command(&self, host: &str, repository: &str) -> Vec<OsString> {
        vec![
            self.ours.into(),
            "build".into(),
            "--json".into(),
            "--build-tool-identifier".into(),
            BUILD_TOOL.into(),
            format!("{host}/{repository}:{TAG}").into(),
        ]
    }
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
