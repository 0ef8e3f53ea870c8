//! zTOCs damaged on purpose: one value of the flatbuffer found by its place in the schema and overwritten, all else left as it is.
//!
//! Values are overwritten, never made longer or shorter, so nothing of the product is needed to write the zTOC again. A value that
//! equals its default is not stored and cannot be changed.
//!
//! ```no_run
//! use soci_testkit::ztoc::{FileField, ZtocBytes};
//!
//! let mut ztoc = ZtocBytes::new(std::fs::read("layer.ztoc").expect("a zTOC"));
//! ztoc.set_file_number(0, FileField::Mode, 0o4755);
//! ztoc.checkpoint(1)[ZtocBytes::WINDOW] ^= 1;
//! let damaged = ztoc.into_bytes();
//! ```
#![allow(
    clippy::missing_panics_doc,
    reason = "everything here panics when the bytes are no zTOC or a value is not stored"
)]

/// Slots of the root table.
mod root {
    pub(super) const VERSION: usize = 0;
    pub(super) const COMPRESSED_BYTES: usize = 2;
    pub(super) const UNCOMPRESSED_BYTES: usize = 3;
    pub(super) const TOC: usize = 4;
    pub(super) const COMPRESSION: usize = 5;
}

/// Slots of the table of what belongs to the compression.
mod compression {
    pub(super) const MAX_SPAN_ID: usize = 1;
    pub(super) const SPAN_DIGESTS: usize = 2;
    pub(super) const CHECKPOINTS: usize = 3;
}

/// Slot of the records in a file's table, and of key and value in a record's.
const RECORDS: usize = 13;
const RECORD_VALUE: usize = 1;

/// Count and span size before the checkpoints.
const CHECKPOINTS_HEADER_BYTES: usize = 12;
/// Two offsets, bits, window.
const CHECKPOINT_BYTES: usize = 8 + 8 + 1 + 32_768;

/// A field of a file, by its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileField {
    /// A text.
    Name = 0,
    /// A text.
    Kind = 1,
    /// A number of 64 bits.
    Offset = 2,
    /// A number of 64 bits.
    Size = 3,
    /// A text.
    LinkName = 4,
    /// A number of 64 bits.
    Mode = 5,
    /// A number of 32 bits.
    Uid = 6,
    /// A text.
    Modified = 10,
}

/// The bytes of a zTOC; see the module's documentation.
#[derive(Clone, Debug)]
pub struct ZtocBytes(Vec<u8>);

impl ZtocBytes {
    /// Where the window begins in [`Self::checkpoint`].
    pub const WINDOW: usize = 17;
    /// Where the bits stand in [`Self::checkpoint`].
    pub const BITS: usize = 16;

    /// Of a zTOC that is in order.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, changed.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The version's text.
    pub fn version(&mut self) -> &mut [u8] {
        let at = self.field(self.root(), root::VERSION);
        self.content(at)
    }

    /// Sets the layer's size.
    pub fn set_compressed_bytes(&mut self, bytes: u64) {
        let at = self.field(self.root(), root::COMPRESSED_BYTES);
        self.put(at, &bytes.to_le_bytes());
    }

    /// The archive's size.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.number(self.field(self.root(), root::UNCOMPRESSED_BYTES))
    }

    /// Sets the archive's size.
    pub fn set_uncompressed_bytes(&mut self, bytes: u64) {
        let at = self.field(self.root(), root::UNCOMPRESSED_BYTES);
        self.put(at, &bytes.to_le_bytes());
    }

    /// Sets the highest span number.
    pub fn set_max_span_id(&mut self, id: i32) {
        let at = self.field(self.compression(), compression::MAX_SPAN_ID);
        self.put(at, &id.to_le_bytes());
    }

    /// A number of a file.
    pub fn file_number(&self, file: usize, field: FileField) -> u64 {
        self.number(self.field(self.file(file), field as usize))
    }

    /// Sets a number of a file.
    pub fn set_file_number(&mut self, file: usize, field: FileField, number: u64) {
        let at = self.field(self.file(file), field as usize);
        match field {
            FileField::Uid => self.put(at, &(number as u32).to_le_bytes()),
            _ => self.put(at, &number.to_le_bytes()),
        }
    }

    /// A text of a file.
    pub fn file_text(&mut self, file: usize, field: FileField) -> &mut [u8] {
        let at = self.field(self.file(file), field as usize);
        self.content(at)
    }

    /// Makes a text of a file an empty one.
    pub fn empty_file_text(&mut self, file: usize, field: FileField) {
        let at = self.follow(self.field(self.file(file), field as usize));
        self.put(at, &[0; 4]);
    }

    /// The value of a PAX record of a file.
    pub fn record_value(&mut self, file: usize, record: usize) -> &mut [u8] {
        let records = self.field(self.file(file), RECORDS);
        let record = self.element(records, record);
        let at = self.field(record, RECORD_VALUE);
        self.content(at)
    }

    /// Puts a file in place of another, which is lost.
    pub fn repeat_file(&mut self, file: usize, instead_of: usize) {
        let target = self.file(file);
        let at = self.element_at(self.files(), instead_of);
        self.put(at, &((target - at) as u32).to_le_bytes());
    }

    /// Loses the last file.
    pub fn drop_file(&mut self) {
        let at = self.files();
        self.shorten(at);
    }

    /// The text of a span's digest.
    pub fn span_digest(&mut self, span: usize) -> &mut [u8] {
        let digests = self.field(self.compression(), compression::SPAN_DIGESTS);
        let at = self.element_at(digests, span);
        self.content(at)
    }

    /// Loses the last span's digest.
    pub fn drop_span_digest(&mut self) {
        let at = self.field(self.compression(), compression::SPAN_DIGESTS);
        self.shorten(at);
    }

    /// A checkpoint: compressed and uncompressed offset in 8 bytes each, bits in one, window.
    pub fn checkpoint(&mut self, number: usize) -> &mut [u8] {
        let start = CHECKPOINTS_HEADER_BYTES + number * CHECKPOINT_BYTES;
        &mut self.checkpoints()[start..start + CHECKPOINT_BYTES]
    }

    /// All checkpoints behind their count in 4 bytes and the span size in 8.
    pub fn checkpoints(&mut self) -> &mut [u8] {
        let at = self.field(self.compression(), compression::CHECKPOINTS);
        self.content(at)
    }

    fn root(&self) -> usize {
        self.word(0) as usize
    }

    fn compression(&self) -> usize {
        self.follow(self.field(self.root(), root::COMPRESSION))
    }

    fn files(&self) -> usize {
        let toc = self.follow(self.field(self.root(), root::TOC));
        self.field(toc, 0)
    }

    fn file(&self, number: usize) -> usize {
        self.element(self.files(), number)
    }

    /// Where a field of a table is stored: the table begins with the way back to a list of such places.
    fn field(&self, table: usize, slot: usize) -> usize {
        let places = (table as i64 - i64::from(self.word(table) as i32)) as usize;
        let at = places + 4 + 2 * slot;
        let end = places + usize::from(u16::from_le_bytes([self.0[places], self.0[places + 1]]));
        assert!(at < end, "slot {slot} is not stored");
        let place = u16::from_le_bytes([self.0[at], self.0[at + 1]]);
        assert_ne!(place, 0, "slot {slot} is not stored");
        table + usize::from(place)
    }

    /// What a reference leads to.
    fn follow(&self, at: usize) -> usize {
        at + self.word(at) as usize
    }

    /// Where an element of a vector is stored, to which the reference at this place leads.
    fn element_at(&self, vector: usize, number: usize) -> usize {
        let vector = self.follow(vector);
        assert!(number < self.word(vector) as usize, "no element {number}");
        vector + 4 + 4 * number
    }

    fn element(&self, vector: usize, number: usize) -> usize {
        self.follow(self.element_at(vector, number))
    }

    /// The bytes of a text or vector to which the reference at this place leads.
    fn content(&mut self, at: usize) -> &mut [u8] {
        let start = self.follow(at);
        let length = self.word(start) as usize;
        &mut self.0[start + 4..start + 4 + length]
    }

    /// Takes the last element from the vector to which the reference at this place leads.
    fn shorten(&mut self, at: usize) {
        let start = self.follow(at);
        let length = self.word(start) - 1;
        self.put(start, &length.to_le_bytes());
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().expect("four bytes"))
    }

    fn number(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.0[at..at + 8].try_into().expect("eight bytes"))
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }
}
