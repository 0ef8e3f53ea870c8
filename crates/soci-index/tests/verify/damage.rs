//! One kind of damage after the other, done to copies of one valid result.

use std::path::Path;

use serde_json::Value;
use soci_index::{Finding, Level, Proof};
use soci_testkit::image::Edit;
use soci_testkit::ztoc::ZtocBytes;
use tempfile::TempDir;

use crate::support::{self, LEVELS, OUTPUT};

/// A kind of damage.
pub(crate) struct Damage {
    /// What is done.
    pub(crate) name: &'static str,
    /// The cheapest level that can find it.
    pub(crate) level: Level,
    /// Does it.
    pub(crate) act: fn(&mut Patient),
    /// Whether a finding names it.
    pub(crate) named: fn(&Finding) -> bool,
}

/// Two platforms, their images and SOCI indexes in a list.
#[derive(Clone)]
pub(crate) struct Patient(Edit);

impl Patient {
    fn healthy(folder: &Path) -> Patient {
        Patient(Edit::open(folder).expect("a layout"))
    }

    pub(crate) fn edit(&mut self) -> &mut Edit {
        &mut self.0
    }

    pub(crate) fn root(&self) -> String {
        self.0.tagged(OUTPUT)
    }

    /// Changes the list of manifests: two images, two SOCI indexes.
    pub(crate) fn change_root(&mut self, change: impl FnOnce(&mut Value)) {
        let root = self.root();
        self.0.change(&root, |root| change(&mut root["manifests"]));
    }

    fn listed(&self, place: usize) -> String {
        let root = self.0.document(&self.root());
        text(&root["manifests"][place]["digest"])
    }

    /// Digest of a platform's image manifest.
    pub(crate) fn image(&self, platform: usize) -> String {
        self.listed(platform)
    }

    /// Digest of a platform's SOCI index.
    pub(crate) fn soci_index(&self, platform: usize) -> String {
        self.listed(2 + platform)
    }

    pub(crate) fn change_image(&mut self, platform: usize, change: impl FnOnce(&mut Value)) {
        let image = self.image(platform);
        self.0.change(&image, change);
    }

    pub(crate) fn change_soci_index(&mut self, platform: usize, change: impl FnOnce(&mut Value)) {
        let soci_index = self.soci_index(platform);
        self.0.change(&soci_index, change);
    }

    /// Digest of a layer.
    pub(crate) fn layer(&self, platform: usize, layer: usize) -> String {
        let image = self.0.document(&self.image(platform));
        text(&image["layers"][layer]["digest"])
    }

    /// Digest of a zTOC.
    pub(crate) fn ztoc(&self, platform: usize, ztoc: usize) -> String {
        let soci_index = self.0.document(&self.soci_index(platform));
        text(&soci_index["layers"][ztoc]["digest"])
    }

    /// Changes a zTOC.
    pub(crate) fn change_ztoc(
        &mut self,
        platform: usize,
        ztoc: usize,
        change: impl FnOnce(&mut ZtocBytes),
    ) {
        let digest = self.ztoc(platform, ztoc);
        let mut bytes = ZtocBytes::new(self.0.blob(&digest).to_vec());
        change(&mut bytes);
        self.0.replace(&digest, bytes.into_bytes());
    }

    /// Changes a byte of a blob, which keeps its name.
    pub(crate) fn flip(&mut self, digest: &str) {
        let mut bytes = self.0.blob(digest).to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        self.0.damage(digest, bytes);
    }

    /// Takes the end of a blob, which keeps its name.
    pub(crate) fn cut(&mut self, digest: &str) {
        let bytes = self.0.blob(digest);
        let bytes = bytes[..bytes.len() - 10].to_vec();
        self.0.damage(digest, bytes);
    }
}

/// A JSON text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A valid result, as it is before each kind of damage.
async fn valid() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let written = support::two_platforms().write_layout(folder.path());
    written.expect("the folder is writable");
    let report = support::index(folder.path(), "1", support::options()).await;
    assert_eq!(report.error, None);
    folder
}

/// Does each kind of damage. The cheapest level that is said to find it does, and all above; none below says anything.
pub(crate) async fn each(damages: &[Damage]) {
    let folder = valid().await;
    let healthy = Patient::healthy(folder.path());
    let mut wrong = Vec::new();
    for damage in damages {
        let mut patient = healthy.clone();
        (damage.act)(&mut patient);
        let folder = tempfile::tempdir().expect("a folder");
        patient.0.write(folder.path()).expect("it is writable");
        for level in LEVELS {
            let found = support::look(folder.path(), OUTPUT, level).await;
            let named = support::findings(&found)
                .iter()
                .any(|finding| (damage.named)(finding));
            let expected = match level < damage.level {
                true => (Proof::Proven, false),
                false => (Proof::NotProven, true),
            };
            // A level above may find another thing first, which explains more.
            let right = (found.verdict, named) == expected
                || level > damage.level && found.verdict == Proof::NotProven;
            if !right {
                let (name, level) = (damage.name, level.as_str());
                let words = support::words(&found);
                wrong.push(format!("{name}, {level}: {:?}\n{words}", found.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
