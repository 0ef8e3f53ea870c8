//! A layout in a tar archive, as anybody may have written it.

use std::fs;
use std::path::Path;

use soci_registry::{ArchiveStore, Digest, Kind, Listing, Pushed, Store, Tag, Target};

use super::place::{self, Place};

/// Bit of an input's first byte: checksums of headers are made right first, so that mutated headers get past them.
pub const REPAIR: u8 = 1;

/// The name that a law lists a manifest under.
const ADDED: &str = "added";

/// Any bytes as an OCI archive: refused and left as they are, or one more manifest leaves all that was readable readable, loses no file of
/// anybody, and once more changes nothing.
pub fn archive_entries(input: &[u8]) {
    let Some((flags, archive)) = input.split_first() else {
        return;
    };
    let mut archive = archive.to_vec();
    if flags & REPAIR != 0 {
        repair_headers(&mut archive);
    }
    let place = Place::new();
    let path = place.write("image.tar", &archive);
    place.run(async {
        if add(&path).await.is_none() {
            assert!(read(&path) == archive, "what cannot be read is left alone");
            return;
        }
        let written = read(&path);
        if let (Some(before), Some(after)) = (files(&archive), files(&written)) {
            assert!(
                before.iter().all(|file| after.contains(file)),
                "lost a file"
            );
        }
        let again = add(&path).await;
        assert_eq!(again, Some(Pushed::AlreadyThere));
        assert!(read(&path) == written, "changed once more");
    });
}

/// Lists one more manifest. `None`: the archive cannot be read, or not be copied whole.
async fn add(path: &Path) -> Option<Pushed> {
    let store = open(path).await?;
    let tag = Tag::new(ADDED).expect("a tag");
    let before = place::held(&store, &tag).await;
    let added = place::manifest(ADDED);
    let pushed = store.push_manifest(&added, Listing::Tag(&tag)).await;
    let pushed = pushed.map_err(|error| assert_ne!(error.kind(), Kind::Internal, "{error}"));
    let pushed = pushed.ok()?;
    store.finish().await.ok()?;
    let store = open(path).await.expect("it was made just now");
    assert_eq!(place::held(&store, &tag).await, before);
    if pushed == Pushed::Stored {
        let found = store.manifest(&Target::Tag(tag)).await;
        assert_eq!(found.expect("it was listed just now"), added);
    }
    Some(pushed)
}

async fn open(path: &Path) -> Option<ArchiveStore> {
    match ArchiveStore::open(path).await {
        Ok(store) => Some(store),
        Err(error) => {
            assert_eq!(error.kind(), Kind::InvalidImage, "{error}");
            None
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("it is there")
}

/// Names and digests of all entries but `index.json`, where the archive can be read to its end.
fn files(archive: &[u8]) -> Option<Vec<(Vec<u8>, Digest)>> {
    let mut archive = tar::Archive::new(archive);
    let mut files = Vec::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).ok()?;
        let name = entry.path_bytes().into_owned();
        if !name.ends_with(b"index.json") {
            files.push((name, Digest::of(&content)));
        }
    }
    Some(files)
}

/// Makes the checksum of every header with POSIX' or GNU's magic right.
fn repair_headers(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}
