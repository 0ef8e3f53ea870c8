//! The regular files of an image, for the page's table: the largest of them, where there are more than a page can hold.

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::Serialize;
use soci_index::FileKind;
use soci_ztoc::{FileMetadata, Ztoc};

use super::html;
use crate::visible::{visible, visible_bytes};

/// Files that the page has. With 65,000 it takes 3.5 MiB, a search 30 ms and sorting all of them by path 0.2 s.
pub(super) const MOST_FILES: usize = 100_000;

/// Bytes of the paths of all of them together, as they stand in the page. Usual images stay below a third of it.
const MOST_PATH_BYTES: usize = 16 << 20;

/// Characters of a path. Of longer ones, the end is shown: Linux itself opens none beyond 4,095 bytes.
const MOST_PATH_CHARS: usize = 1_024;

/// The files that the page has.
#[derive(Default)]
pub(super) struct Files {
    /// The names of all layers, by their numbers.
    layers: Vec<String>,
    /// The largest; in no order yet.
    largest: Vec<File>,
    /// Regular files there are.
    total: usize,
}

/// A regular file.
pub(super) struct File {
    /// The number of its layer.
    pub(super) layer: usize,
    /// Its place in the layer's archive.
    order: usize,
    pub(super) path: String,
    pub(super) bytes: u64,
    pub(super) first_span: usize,
    /// Spans that hold its data; none where it is empty.
    pub(super) spans: usize,
    /// Compressed bytes of those.
    pub(super) fetched_bytes: u64,
}

/// What the script gets. Rows are `[layer, folder, name, bytes, first span, spans, fetched bytes]`.
#[derive(Serialize)]
pub(super) struct Data<'a> {
    layers: &'a [String],
    folders: Vec<&'a str>,
    files: Vec<(usize, usize, &'a str, u64, usize, usize, u64)>,
}

impl Files {
    /// The files that are added from now on are of the layer of this name.
    pub(super) fn begin_layer(&mut self, name: &str) {
        self.layers.push(visible(name).into_owned());
    }

    /// The files of a layer.
    pub(super) fn add(&mut self, ztoc: &Ztoc) {
        let layer = self.layers.len() - 1;
        let is_regular = |(_, file): &(usize, &FileMetadata)| file.kind == FileKind::Regular;
        let mut regular: Vec<_> = ztoc.files.iter().enumerate().filter(is_regular).collect();
        self.total += regular.len();
        keep_largest(&mut regular, |(order, file)| {
            (Reverse(file.uncompressed_bytes), *order)
        });
        let files = regular.into_iter();
        self.largest
            .extend(files.map(|(order, file)| File::of(ztoc, layer, order, file)));
        keep_largest(&mut self.largest, File::rank);
    }

    /// Regular files of all layers, shown or not.
    pub(super) fn total(&self) -> usize {
        self.total
    }

    /// The layers' names.
    pub(super) fn layers(&self) -> &[String] {
        &self.layers
    }

    /// The files that the page has, the largest first.
    pub(super) fn shown(&self) -> Vec<&File> {
        let mut files: Vec<_> = self.largest.iter().collect();
        files.sort_unstable_by_key(|file| file.rank());
        let mut room = MOST_PATH_BYTES;
        let mut fits = |file: &&File| {
            let left = room.checked_sub(html::data_bytes(&file.path));
            room = left.unwrap_or(0);
            left.is_some()
        };
        let count = files.iter().take_while(|file| fits(file)).count();
        files.truncate(count);
        files
    }

    /// The same for the script. Folders are named once.
    pub(super) fn data<'a>(&'a self, shown: &[&'a File]) -> Data<'a> {
        let mut folders = Vec::new();
        let mut places = HashMap::new();
        let mut row = |file: &'a File| {
            let (folder, name) = file.split();
            let place = *places.entry(folder).or_insert_with(|| {
                folders.push(folder);
                folders.len() - 1
            });
            let File {
                layer,
                bytes,
                first_span,
                spans,
                fetched_bytes,
                ..
            } = *file;
            (layer, place, name, bytes, first_span, spans, fetched_bytes)
        };
        let files = shown.iter().map(|file| row(file)).collect();
        Data {
            layers: &self.layers,
            folders,
            files,
        }
    }
}

impl File {
    fn of(ztoc: &Ztoc, layer: usize, order: usize, file: &FileMetadata) -> File {
        let spans = ztoc.spans_of(file.data());
        let fetched = if spans.is_empty() {
            0..0
        } else {
            ztoc.span(spans.start).compressed.start..ztoc.span(spans.end - 1).compressed.end
        };
        File {
            layer,
            order,
            path: shown_path(&file.name),
            bytes: file.uncompressed_bytes,
            first_span: spans.start,
            spans: spans.len(),
            fetched_bytes: fetched.end - fetched.start,
        }
    }

    /// The largest come first, then as they lie.
    fn rank(&self) -> (Reverse<u64>, usize, usize) {
        (Reverse(self.bytes), self.layer, self.order)
    }

    /// The folder with the slash behind it, and the name.
    fn split(&self) -> (&str, &str) {
        let name = self.path.rfind('/').map_or(0, |slash| slash + 1);
        self.path.split_at(name)
    }
}

/// Leaves the first [`MOST_FILES`] by this order.
fn keep_largest<T, K: Ord>(files: &mut Vec<T>, rank: impl Fn(&T) -> K) {
    if files.len() > MOST_FILES {
        files.select_nth_unstable_by_key(MOST_FILES, rank);
        files.truncate(MOST_FILES);
    }
}

fn shown_path(name: &[u8]) -> String {
    /// An escaped byte takes four characters, so no more bytes than these are needed.
    const MOST_BYTES: usize = 4 * MOST_PATH_CHARS;
    let end = &name[name.len().saturating_sub(MOST_BYTES)..];
    let path = visible_bytes(end);
    let chars = path.chars().count();
    if chars <= MOST_PATH_CHARS && end.len() == name.len() {
        return path;
    }
    let hidden = chars.saturating_sub(MOST_PATH_CHARS);
    let shown = path.chars().skip(hidden);
    ['…'].into_iter().chain(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64, order: usize) -> File {
        File {
            layer: 0,
            order,
            path: path.to_owned(),
            bytes,
            first_span: 0,
            spans: 1,
            fetched_bytes: bytes,
        }
    }

    #[test]
    fn of_too_many_the_largest_are_kept() {
        let mut files: Vec<_> = (0..MOST_FILES + 50).collect();
        keep_largest(&mut files, |size| Reverse(*size));
        assert_eq!(files.len(), MOST_FILES);
        assert_eq!(files.iter().min(), Some(&50));
    }

    #[test]
    fn paths_are_cut_from_the_front_and_bounded_together() {
        let long = shown_path(&[b"d/".repeat(3_000), b"name".to_vec()].concat());
        assert!(long.starts_with("…") && long.ends_with("/d/name"), "{long}");
        assert_eq!(long.chars().count(), MOST_PATH_CHARS + 1);
        let path = "p".repeat(1 << 20);
        let largest = (0..20).map(|order| file(&path, 20 - order as u64, order));
        let files = Files {
            largest: largest.collect(),
            ..Files::default()
        };
        assert_eq!(files.shown().len(), 16);
    }

    #[test]
    fn folders_are_named_once_and_the_largest_files_come_first() {
        let files = Files {
            largest: vec![
                file("a/b/small", 1, 0),
                file("top", 2, 1),
                file("a/b/large", 3, 2),
            ],
            ..Files::default()
        };
        let data = files.data(&files.shown());
        assert_eq!(data.folders, ["a/b/", ""]);
        let rows: Vec<_> = data.files.iter().map(|row| (row.1, row.2)).collect();
        assert_eq!(rows, [(0, "large"), (1, "top"), (0, "small")]);
    }
}
