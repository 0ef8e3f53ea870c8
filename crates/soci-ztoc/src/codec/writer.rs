//! Writes flatbuffers, byte for byte as the Go library does.
//!
//! A flatbuffer grows from its end to its front: whatever is referred to is written first and ends
//! up behind what refers to it. The bytes are collected in reverse and turned round once at the
//! end. One large vector of bytes can be left out and put in place by the caller, so that it is
//! never copied.

/// Distance of an object from the end of the buffer, in bytes; how flatbuffers name objects while
/// they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ref(usize);

/// Bytes of a reference or length.
const WORD_BYTES: usize = 4;
/// Bytes of an entry of a table's field list ("vtable").
const SLOT_BYTES: usize = 2;

pub(super) struct Writer {
    /// What stands in front of the large vector so far, reversed.
    front: Vec<u8>,
    /// What stands behind it, reversed; before [`Writer::large_vector`] everything is in `front`.
    back: Vec<u8>,
    /// Bytes of the large vector that are not in either.
    left_out_bytes: usize,
    largest_alignment: usize,
    /// Field lists written so far: where, and each field's distance from its table's start.
    vtables: Vec<(Ref, Vec<u16>)>,
    /// Slot and place of each field that is stored in the table being written. Allocated once, as `slots` is: a zTOC has a table
    /// for each file.
    fields: Vec<(usize, usize)>,
    /// The field list of the table written last.
    slots: Vec<u16>,
}

/// The finished buffer around the large vector.
pub(super) struct Parts {
    pub(super) before: Vec<u8>,
    pub(super) behind: Vec<u8>,
}

impl Writer {
    pub(super) fn new() -> Writer {
        Writer {
            front: Vec::new(),
            back: Vec::new(),
            left_out_bytes: 0,
            largest_alignment: 1,
            vtables: Vec::new(),
            fields: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Size of what is written so far, in bytes.
    pub(super) fn len(&self) -> usize {
        self.back.len() + self.left_out_bytes + self.front.len()
    }

    /// A string or a vector of bytes that is a string to flatbuffers: with its length in front and
    /// a NUL behind.
    pub(super) fn string(&mut self, text: &[u8]) -> Ref {
        self.align(WORD_BYTES, text.len() + 1);
        self.front.push(0);
        self.front.extend(text.iter().rev());
        self.end_vector(text.len())
    }

    /// A small vector of bytes.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Ref {
        self.align(WORD_BYTES, bytes.len());
        self.front.extend(bytes.iter().rev());
        self.end_vector(bytes.len())
    }

    /// The large vector of bytes, to be put between the two [`Parts`] by the caller; once per
    /// buffer.
    pub(super) fn large_vector(&mut self, bytes: usize) -> Ref {
        self.align(WORD_BYTES, bytes);
        self.back = std::mem::take(&mut self.front);
        self.left_out_bytes = bytes;
        self.end_vector(bytes)
    }

    /// A vector of references.
    pub(super) fn refs(&mut self, refs: &[Ref]) -> Ref {
        self.align(WORD_BYTES, WORD_BYTES * refs.len());
        for to in refs.iter().rev() {
            self.reference(*to);
        }
        self.end_vector(refs.len())
    }

    fn end_vector(&mut self, length: usize) -> Ref {
        self.word(length as u32);
        self.here()
    }

    /// Begins a table. Its fields follow in the order in which they are to be written.
    pub(super) fn table(&mut self) -> Table<'_> {
        self.fields.clear();
        Table {
            start: self.len(),
            writer: self,
        }
    }

    /// Writes the reference to the root table. A large vector splits the result in two.
    pub(super) fn finish(mut self, root: Ref) -> Parts {
        self.align(self.largest_alignment, WORD_BYTES);
        self.reference(root);
        let turned = |mut bytes: Vec<u8>| {
            bytes.reverse();
            bytes
        };
        Parts {
            before: turned(self.front),
            behind: turned(self.back),
        }
    }

    fn here(&self) -> Ref {
        Ref(self.len())
    }

    /// Pads so that, once `following_bytes` more are written, a value of `size` bytes is aligned.
    fn align(&mut self, size: usize, following_bytes: usize) {
        self.largest_alignment = self.largest_alignment.max(size);
        let padding = (self.len() + following_bytes).wrapping_neg() % size;
        self.front.resize(self.front.len() + padding, 0);
    }

    fn word(&mut self, value: u32) {
        self.front.extend(value.to_be_bytes());
    }

    /// A reference counts from where it stands to the object.
    fn reference(&mut self, to: Ref) {
        self.align(WORD_BYTES, 0);
        let distance = self.len() + WORD_BYTES - to.0;
        self.word(distance as u32);
    }

    fn short(&mut self, value: u16) {
        self.front.extend(value.to_be_bytes());
    }
}

/// A table being written.
pub(super) struct Table<'w> {
    writer: &'w mut Writer,
    start: usize,
}

impl Table<'_> {
    fn stored(&mut self, slot: usize) {
        let place = self.writer.len();
        self.writer.fields.push((slot, place));
    }

    /// A field that refers to an object.
    pub(super) fn reference(&mut self, slot: usize, to: Ref) {
        self.writer.reference(to);
        self.stored(slot);
    }

    /// A 64-bit field with default 0.
    pub(super) fn int64(&mut self, slot: usize, value: i64) {
        if value != 0 {
            self.writer.align(8, 0);
            self.writer.front.extend(value.to_be_bytes());
            self.stored(slot);
        }
    }

    /// A 32-bit field with default 0.
    pub(super) fn uint32(&mut self, slot: usize, value: u32) {
        if value != 0 {
            self.writer.align(4, 0);
            self.writer.word(value);
            self.stored(slot);
        }
    }

    /// An 8-bit field with a default of its own.
    pub(super) fn int8(&mut self, slot: usize, value: i8, default: i8) {
        if value != default {
            self.writer.front.push(value as u8);
            self.stored(slot);
        }
    }

    /// Ends the table: a word that refers to its field list stands in front of the fields. Tables
    /// with equal lists share one.
    pub(super) fn end(self) -> Ref {
        let Table { writer, start } = self;
        writer.align(WORD_BYTES, 0);
        writer.word(0);
        let table = writer.here();
        let link = writer.front.len() - WORD_BYTES;
        list_slots(&writer.fields, table, &mut writer.slots);
        // The latest list first, as in Go: tables of one kind follow one another.
        let shared = writer
            .vtables
            .iter()
            .rev()
            .find(|(_, known)| *known == writer.slots)
            .map(|(vtable, _)| *vtable);
        let vtable = shared.unwrap_or_else(|| write_vtable(writer, table.0 - start));
        // Counts from the list to the table, so it is negative where the list stands behind the
        // table.
        let distance = vtable.0 as i64 - table.0 as i64;
        writer.front[link..link + WORD_BYTES].copy_from_slice(&(distance as i32).to_be_bytes());
        table
    }
}

/// Lists each slot's distance from the table's start, 0 for fields not stored, up to the last stored one.
fn list_slots(fields: &[(usize, usize)], table: Ref, list: &mut Vec<u16>) {
    let slots = fields.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
    list.clear();
    list.resize(slots, 0);
    for (slot, place) in fields {
        list[*slot] = (table.0 - place) as u16;
    }
}

/// Writes the field list in `slots`.
fn write_vtable(writer: &mut Writer, table_bytes: usize) -> Ref {
    let slots = writer.slots.clone();
    for slot in slots.iter().rev() {
        writer.short(*slot);
    }
    writer.short(table_bytes as u16);
    writer.short(((slots.len() + 2) * SLOT_BYTES) as u16);
    let vtable = writer.here();
    writer.vtables.push((vtable, slots));
    vtable
}
