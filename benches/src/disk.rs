//! How much disk a command takes at its peak, by looking again and again.
//!
//! A folder's files are added up every few milliseconds while the command runs. A file that came and went between two looks is
//! missed, so the peak is a lower bound: kind to whoever uses files, and the reason why a program that must write none is held
//! to it by the kernel instead ([`crate::measure`]).

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Between two looks: short beside any step that is measured, and next to nothing for a core.
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// The unit of `st_blocks`, whatever the file system's own blocks are.
const BLOCK_BYTES: u64 = 512;

/// Runs `work`, and gives back its result and the most that lay below `folder` meanwhile.
pub(crate) fn peak_during<T>(folder: &Path, work: impl FnOnce() -> T) -> (T, u64) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looks = scope.spawn(|| {
            let mut peak_bytes = taken_bytes(folder);
            while !done.load(Ordering::Relaxed) {
                thread::sleep(BETWEEN_LOOKS);
                peak_bytes = peak_bytes.max(taken_bytes(folder));
            }
            peak_bytes
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        let peak_bytes = looks
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, peak_bytes)
    })
}

/// Bytes of disk that the files below a folder take. A file with another name outside of it is not counted: a link took no disk.
/// What cannot be looked at any more is gone.
fn taken_bytes(folder: &Path) -> u64 {
    let mut files = BTreeMap::new();
    list(folder, &mut files);
    let own = files
        .into_values()
        .filter(|(data, names)| data.nlink() == *names);
    own.map(|(data, _)| data.blocks() * BLOCK_BYTES).sum()
}

/// Finds each file with the number of its names below the folder.
fn list(folder: &Path, files: &mut BTreeMap<(u64, u64), (Metadata, u64)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(data) if data.is_dir() => list(&entry.path(), files),
            Ok(data) if data.is_file() => {
                let file = files.entry((data.dev(), data.ino()));
                file.or_insert((data, 0)).1 += 1;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_outlives_its_files() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let inner = folder.path().join("inner");
        let ((), peak_bytes) = peak_during(folder.path(), || {
            fs::create_dir(&inner).expect("the folder is writable");
            fs::write(inner.join("file"), vec![1; 1 << 20]).expect("the folder is writable");
            thread::sleep(BETWEEN_LOOKS * 40);
            fs::remove_dir_all(&inner).expect("the folder is writable");
        });
        assert!((1 << 20..2 << 20).contains(&peak_bytes), "{peak_bytes}");
        assert_eq!(taken_bytes(folder.path()), 0);
    }

    #[test]
    fn a_file_counts_once_and_elsewhere_not() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("the folder is writable");
        fs::write(inner.join("one"), vec![1; 1 << 20]).expect("the folder is writable");
        fs::hard_link(inner.join("one"), inner.join("two")).expect("links can be made");
        assert!((1 << 20..2 << 20).contains(&taken_bytes(&inner)));

        fs::hard_link(inner.join("one"), folder.path().join("three")).expect("links can be made");
        assert_eq!(taken_bytes(&inner), 0);
    }
}
