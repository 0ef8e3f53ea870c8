//! A layout changed in one place, with everything above that place put right again, so that only what was meant to be wrong is.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::digest;

/// Bytes that the largest document of a test's image may have; layers are no documents.
const DOCUMENT_BYTES: usize = 1 << 20;

/// A layout in memory.
#[derive(Clone, Debug)]
pub struct Edit {
    blobs: BTreeMap<String, Vec<u8>>,
    index: Value,
}

impl Edit {
    /// Reads a layout.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut blobs = BTreeMap::new();
        for entry in fs::read_dir(folder.join("blobs/sha256"))? {
            let entry = entry?;
            let name = format!("sha256:{}", entry.file_name().to_string_lossy());
            blobs.insert(name, fs::read(entry.path())?);
        }
        let index = serde_json::from_slice(&fs::read(folder.join("index.json"))?)?;
        Ok(Self { blobs, index })
    }

    /// Writes it into a folder that is empty or not there.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        for (digest, bytes) in &self.blobs {
            fs::write(blobs.join(digest.trim_start_matches("sha256:")), bytes)?;
        }
        fs::write(folder.join("index.json"), self.index.to_string())?;
        fs::write(
            folder.join("oci-layout"),
            r#"{"imageLayoutVersion":"1.0.0"}"#,
        )
    }

    /// What a tag names.
    ///
    /// # Panics
    /// When there is no such tag.
    pub fn tagged(&self, tag: &str) -> String {
        let mut entries = self.index["manifests"].as_array().into_iter().flatten();
        let named =
            |entry: &&Value| entry["annotations"]["org.opencontainers.image.ref.name"] == tag;
        let entry = entries.find(named).expect("the tag is there");
        entry["digest"].as_str().expect("a digest").to_owned()
    }

    /// Gives a document a tag beside those that there are.
    ///
    /// # Panics
    /// When the document is not there, or the list of tags is none.
    pub fn tag(&mut self, tag: &str, media_type: &str, digest: &str) {
        let entry = json!({
            "mediaType": media_type, "digest": digest, "size": self.blob(digest).len(),
            "annotations": {"org.opencontainers.image.ref.name": tag},
        });
        let entries = self.index["manifests"].as_array_mut();
        entries.expect("a list").push(entry);
    }

    /// A blob's bytes.
    ///
    /// # Panics
    /// When it is not there.
    pub fn blob(&self, digest: &str) -> &[u8] {
        &self.blobs[digest]
    }

    /// A document.
    ///
    /// # Panics
    /// When it is not there, or no JSON.
    pub fn document(&self, digest: &str) -> Value {
        serde_json::from_slice(self.blob(digest)).expect("a document")
    }

    /// Adds a blob that nothing names yet.
    pub fn add(&mut self, bytes: Vec<u8>) -> String {
        let name = digest(&bytes);
        self.blobs.insert(name.clone(), bytes);
        name
    }

    /// Changes a document and everything that names it. Its new digest.
    ///
    /// # Panics
    /// As [`Self::document`].
    pub fn change(&mut self, digest: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut document = self.document(digest);
        change(&mut document);
        self.replace(digest, document.to_string().into_bytes())
    }

    /// Puts a blob in place of another, and names the new one wherever the old one was named. Its digest.
    pub fn replace(&mut self, old: &str, bytes: Vec<u8>) -> String {
        let size = bytes.len();
        let new = self.add(bytes);
        if new != old {
            self.relink(old, &new, size);
        }
        new
    }

    /// Takes a blob away.
    pub fn lose(&mut self, digest: &str) {
        self.blobs.remove(digest);
    }

    /// Puts other bytes under the name of a blob.
    pub fn damage(&mut self, digest: &str, bytes: Vec<u8>) {
        self.blobs.insert(digest.to_owned(), bytes);
    }

    fn relink(&mut self, old: &str, new: &str, size: usize) {
        rename(&mut self.index, old, new, size);
        // What names it is renamed itself, and what names that; so each is looked for anew.
        while let Some((name, document)) = self.naming(old, new, size) {
            self.replace(&name, document.to_string().into_bytes());
            self.blobs.remove(&name);
        }
    }

    /// A document that names a blob, and what it is to be.
    fn naming(&self, old: &str, new: &str, size: usize) -> Option<(String, Value)> {
        let is_document =
            |bytes: &[u8]| bytes.len() <= DOCUMENT_BYTES && bytes.first() == Some(&b'{');
        let documents = self.blobs.iter().filter(|(_, bytes)| is_document(bytes));
        documents
            .filter_map(|(name, bytes)| Some((name, serde_json::from_slice(bytes).ok()?)))
            .find_map(|(name, mut document)| {
                rename(&mut document, old, new, size).then(|| (name.clone(), document))
            })
    }
}

/// Whether a document names a blob, which it names otherwise from now on.
fn rename(value: &mut Value, old: &str, new: &str, size: usize) -> bool {
    match value {
        Value::String(text) if text.contains(old) => {
            *text = text.replace(old, new);
            true
        }
        Value::Array(list) => rename_in(list.iter_mut(), old, new, size),
        Value::Object(fields) => {
            if fields.get("digest").is_some_and(|digest| digest == old) {
                fields.insert("size".to_owned(), size.into());
            }
            rename_in(fields.values_mut(), old, new, size)
        }
        _ => false,
    }
}

fn rename_in<'a>(
    values: impl Iterator<Item = &'a mut Value>,
    old: &str,
    new: &str,
    size: usize,
) -> bool {
    let renamed = values.filter_map(|value| rename(value, old, new, size).then_some(()));
    renamed.count() > 0
}

#[cfg(test)]
mod tests {
    use super::Edit;
    use crate::image::{AMD64, Layer, Manifest, Shelf};

    #[test]
    fn what_names_a_changed_document_names_it_still() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Shelf::new();
        let root = Manifest::oci(AMD64)
            .layer(Layer::small(1))
            .shelve(&mut shelf);
        let image = shelf.image(root, "1");
        image.write_layout(folder.path()).expect("written");
        let mut edit = Edit::open(folder.path()).expect("a layout");
        let layer = super::digest(Layer::small(1).bytes());
        let new = edit.replace(&layer, b"other".to_vec());
        let manifest = edit.document(&edit.tagged("1"));
        assert_eq!(manifest["layers"][0]["digest"], new);
        assert_eq!(manifest["layers"][0]["size"], 5);
    }
}
