//! The headers of entries as they pass by, read again one by one as soci-snapshotter reads them before it serves a file: from where the
//! entry before ends, as far as the zTOC says.

use std::ops::Range;

use super::{VerifyError, compare_file};
use crate::limits::Limits;
use crate::model::Ztoc;
use crate::structure::header_start;
use crate::tar::{TarParser, push_content};

/// Reads headers in a part of the uncompressed layer.
pub(super) struct Headers<'z> {
    ztoc: &'z Ztoc,
    limits: Limits,
    /// Uncompressed offset of the next byte.
    offset: u64,
    /// The entry whose header comes next; one past the last stands for the archive's end, two for what lies behind it.
    next: usize,
    /// What has come of it so far.
    parser: Option<TarParser>,
    compared: usize,
}

impl<'z> Headers<'z> {
    /// For bytes from this uncompressed offset on.
    pub(super) fn new(ztoc: &'z Ztoc, limits: &Limits, offset: u64) -> Headers<'z> {
        let (mut low, mut high) = (0, ztoc.files.len() + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if header_start(&ztoc.files, middle) < offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Headers {
            ztoc,
            limits: limits.clone(),
            offset,
            next: low,
            parser: None,
            compared: 0,
        }
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), VerifyError> {
        while !bytes.is_empty() && self.next <= self.ztoc.files.len() {
            let wanted = self.wanted();
            let data_bytes = wanted.start.saturating_sub(self.offset);
            self.take(&mut bytes, data_bytes);
            if self.offset < wanted.start {
                break;
            }
            let mut parser = Ok(self
                .parser
                .take()
                .unwrap_or_else(|| TarParser::new(self.limits.clone())));
            let own = self.take(&mut bytes, wanted.end.saturating_sub(self.offset));
            push_content(&mut parser, own)?;
            let parser = parser.map_err(|why| self.unreadable(why.detail()))?;
            if self.next == self.ztoc.files.len() {
                self.watch_end(parser)?;
            } else if self.offset < wanted.end {
                self.parser = Some(parser);
            } else {
                self.compare(parser, wanted.start)?;
            }
        }
        Ok(())
    }

    /// The part ends here; with it the layer, if it is the last one. How many headers were compared.
    pub(super) fn finish(self, is_layers_end: bool) -> Result<usize, VerifyError> {
        let is_end = self.next == self.ztoc.files.len();
        if let (true, true, Some(parser)) = (is_layers_end, is_end, self.parser) {
            let archive = parser.finish().map_err(VerifyError::NotIndexable)?;
            let start = header_start(&self.ztoc.files, self.next);
            check_size(self.ztoc, start + archive.uncompressed_bytes)?;
        }
        Ok(self.compared)
    }

    /// Where the next header is, by the zTOC. What follows the last entry has no end but the layer's.
    fn wanted(&self) -> Range<u64> {
        let start = header_start(&self.ztoc.files, self.next);
        let file = self.ztoc.files.get(self.next);
        start..file.map_or(u64::MAX, |file| file.uncompressed_offset)
    }

    fn take<'b>(&mut self, bytes: &mut &'b [u8], most: u64) -> &'b [u8] {
        let taken = usize::try_from(most).map_or(bytes.len(), |most| most.min(bytes.len()));
        let (taken, rest) = bytes.split_at(taken);
        *bytes = rest;
        self.offset += taken.len() as u64;
        taken
    }

    fn compare(&mut self, parser: TarParser, start: u64) -> Result<(), VerifyError> {
        let stored = &self.ztoc.files[self.next];
        let mut found = parser.into_entries();
        let (Some(mut found), true) = (found.pop(), found.is_empty()) else {
            return Err(VerifyError::File {
                index: self.next,
                name: stored.display_name().into_owned(),
                field: "offset",
            });
        };
        found.uncompressed_offset += start;
        compare_file(self.next, stored, &found)?;
        self.next += 1;
        self.compared += 1;
        Ok(())
    }

    /// Behind the last entry there is none, and the archive ends where the zTOC says.
    fn watch_end(&mut self, parser: TarParser) -> Result<(), VerifyError> {
        let expected = self.ztoc.files.len();
        let start = header_start(&self.ztoc.files, expected);
        if let Some(end) = parser.end() {
            check_size(self.ztoc, start + end)?;
        }
        let further = parser.entries();
        self.parser = Some(parser);
        if further > 0 {
            return Err(VerifyError::FileCount {
                expected,
                found: expected + further,
            });
        }
        Ok(())
    }

    fn unreadable(&self, why: &str) -> VerifyError {
        let file = self.ztoc.files.get(self.next);
        VerifyError::Header {
            index: self.next,
            name: file.map_or_else(
                || "behind the last entry".to_owned(),
                |file| file.display_name().into_owned(),
            ),
            why: why.to_owned(),
        }
    }
}

fn check_size(ztoc: &Ztoc, found: u64) -> Result<(), VerifyError> {
    let expected = ztoc.uncompressed_bytes;
    if found == expected {
        return Ok(());
    }
    Err(VerifyError::ArchiveSize { expected, found })
}
