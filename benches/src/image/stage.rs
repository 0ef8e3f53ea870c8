//! An image in a registry, ready to be indexed again and again from a state where nothing is indexed, and the reference's converter, whose
//! digest is what has to come out.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::make::{self, Image, TAG};
use crate::measure::{self, Cost, Place};
use crate::registry::Registry;
use soci_test_aws::cgroup::Group;

/// Given to all builders, because the identifier is part of the bytes.
pub(crate) const BUILD_TOOL: &str = "soci-bench";

/// The tag of results.
pub(crate) const OUTPUT_TAG: &str = "1-soci";

/// The repository that nobody indexes: each run gets one like it.
const SOURCE: &str = "source";

/// The repository of a run.
const FRESH: &str = "fresh";

/// One image.
pub(crate) struct Stage<'a> {
    reference: &'a Path,
    pub(crate) registry: &'a Registry,
    pub(crate) image: &'a Image,
    /// Files of a run.
    scratch: PathBuf,
    /// Repositories of this image.
    prefix: String,
}

impl<'a> Stage<'a> {
    /// Pushes the image.
    pub(crate) fn new(
        reference: &'a Path,
        registry: &'a Registry,
        image: &'a Image,
        work: &Path,
    ) -> Result<Stage<'a>> {
        let stage = Stage {
            reference,
            registry,
            image,
            scratch: work.join("scratch"),
            prefix: image.name.replace(' ', "-"),
        };
        let to = format!(
            "docker://{}/{}:{TAG}",
            registry.host(),
            stage.repository(SOURCE)
        );
        let from = format!("oci:{}:{TAG}", image.layout.display());
        measure::cost_of(&skopeo("--dest-tls-verify=false", from, to))
            .context("skopeo cannot push; install it: apt-get install skopeo")?;
        Ok(stage)
    }

    /// The reference's conversion, layout to layout, and the digest that came out.
    pub(crate) fn reference(
        &self,
        group: Option<&Group>,
        expected: Option<&str>,
    ) -> Result<(Cost, String)> {
        self.in_scratch(|place| {
            let place = Place { group, ..place };
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

    pub(super) fn convert(&self, from: &Path, to: &Path) -> Vec<OsString> {
        vec![
            self.reference.into(),
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

    /// Work on a repository that holds the image and nothing else; it is removed afterwards.
    pub(crate) fn in_fresh_repository<T>(&self, work: impl FnOnce(&str) -> Result<T>) -> Result<T> {
        let fresh = self.repository(FRESH);
        self.registry.copy(&self.repository(SOURCE), &fresh)?;
        let result = work(&fresh)?;
        self.registry.remove(&fresh)?;
        Ok(result)
    }

    /// What is left of an earlier run goes, and nothing of this one stays.
    pub(super) fn in_scratch<T>(&self, work: impl FnOnce(Place<'_>) -> Result<T>) -> Result<T> {
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
            group: None,
        })?;
        clear()?;
        Ok(result)
    }

    /// The result must have the reference's digest.
    pub(crate) fn must_be(&self, repository: &str, expected: &str) -> Result<()> {
        let found = self.registry.digest(repository, OUTPUT_TAG)?;
        ensure!(
            found == expected,
            "the results differ: ours {found}, the reference's {expected}"
        );
        Ok(())
    }
}

/// A copy of an image with everything in it.
pub(super) fn skopeo(insecure: &str, from: String, to: String) -> Vec<OsString> {
    let words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all"];
    let mut command: Vec<OsString> = words.map(OsString::from).into();
    command.extend([insecure.into(), from.into(), to.into()]);
    command
}
