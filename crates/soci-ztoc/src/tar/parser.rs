//! The state machine around headers: which bytes of the archive are header, data, padding.

use super::entry::{self, Names, Refusal, unreadable};
use super::header::{BLOCK_BYTES, BadHeader, Block, RawHeader};
use super::numeric::text;
use super::pax::{self, BadPax, Records};
use crate::error::{BuildError, NotIndexable, Reason};
use crate::limits::{self, Limits};
use crate::model::{FileKind, FileMetadata};
use crate::tree;

/// What is being read.
enum State {
    /// A header block, so many bytes of it are in `block`.
    Header { have: usize },
    /// The block behind a block of zeros, which ends the archive if it is one of zeros too.
    SecondZeroBlock { have: usize },
    /// Data of a header that describes the next entry.
    Special {
        kind: Special,
        left_bytes: u64,
        data: Vec<u8>,
    },
    /// Data of an entry.
    Data { left_bytes: u64 },
    /// What fills the last block of data.
    Padding { left_bytes: u64 },
    /// Behind the two zero blocks, whatever follows.
    Ended,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Special {
    Pax,
    GlobalPax,
    LongName,
    LongLink,
}

/// What precedes an entry and describes it.
#[derive(Default)]
struct Pending {
    records: Records,
    long_name: Vec<u8>,
    long_link: Vec<u8>,
}

/// All that was found in an archive.
pub(crate) struct Archive {
    pub(crate) files: Vec<FileMetadata>,
    /// Where Go's reader stops: behind the second zero block, or at the end of what there is.
    pub(crate) uncompressed_bytes: u64,
}

/// Reads an archive pushed in pieces; see the module's documentation.
pub(crate) struct TarParser {
    limits: Limits,
    state: State,
    block: Block,
    /// Bytes of the archive read.
    offset: u64,
    /// Padding that follows the data being read.
    padding_bytes: u64,
    pending: Pending,
    /// A global header stands between the last entry and the next one.
    global_header: bool,
    files: Vec<FileMetadata>,
    metadata_bytes: usize,
    names: Names,
}

/// Stops the parser: the layer is not indexable, or beyond a limit.
enum Fault {
    Refused(Refusal),
    Error(BuildError),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}

impl From<limits::LimitExceeded> for Fault {
    fn from(error: limits::LimitExceeded) -> Fault {
        Fault::Error(error.into())
    }
}

impl TarParser {
    pub(crate) fn new(limits: Limits) -> TarParser {
        TarParser {
            limits,
            state: State::Header { have: 0 },
            block: [0; BLOCK_BYTES],
            offset: 0,
            padding_bytes: 0,
            pending: Pending::default(),
            global_header: false,
            files: Vec::new(),
            metadata_bytes: 0,
            names: Names::default(),
        }
    }

    /// Entries read so far.
    pub(crate) fn entries(&self) -> usize {
        self.files.len()
    }

    /// The entries read, of something that need not be a whole archive.
    pub(crate) fn into_entries(self) -> Vec<FileMetadata> {
        self.files
    }

    /// Behind the archive's second zero block, if it has come.
    pub(crate) fn end(&self) -> Option<u64> {
        matches!(self.state, State::Ended).then_some(self.offset)
    }

    /// Memory that the entries take, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.metadata_bytes
    }

    /// Reads all of `input`. After the answer "not indexable" it must not be called again.
    pub(crate) fn push(
        &mut self,
        mut input: &[u8],
    ) -> Result<Result<(), NotIndexable>, BuildError> {
        while !input.is_empty() {
            match self.take(&mut input) {
                Ok(()) => {}
                Err(Fault::Refused((reason, detail))) => {
                    return Ok(Err(NotIndexable::new(reason, self.offset, detail)));
                }
                Err(Fault::Error(error)) => return Err(error),
            }
        }
        Ok(Ok(()))
    }

    /// The archive ends here.
    pub(crate) fn finish(self) -> Result<Archive, NotIndexable> {
        let within = match &self.state {
            State::Header { have: 0 }
            | State::SecondZeroBlock { have: 0 }
            | State::Padding { .. }
            | State::Ended => None,
            State::Header { .. } | State::SecondZeroBlock { .. } => Some("a header"),
            State::Special { .. } => Some("an extended header"),
            State::Data { .. } => Some("a file's data"),
        };
        match within {
            Some(within) => Err(NotIndexable::new(
                Reason::NotATar,
                self.offset,
                format!("the archive ends within {within}"),
            )),
            None => Ok(Archive {
                files: self.files,
                uncompressed_bytes: self.offset,
            }),
        }
    }

    /// Consumes at least one byte of `input`, which is not empty.
    fn take(&mut self, input: &mut &[u8]) -> Result<(), Fault> {
        match &mut self.state {
            State::Header { have } => {
                if fill(&mut self.block, have, input, &mut self.offset) {
                    self.read_header()?;
                }
            }
            State::SecondZeroBlock { have } => {
                if fill(&mut self.block, have, input, &mut self.offset) {
                    if self.block != [0; BLOCK_BYTES] {
                        return Err((
                            Reason::NotATar,
                            "an entry follows one block of zeros".to_owned(),
                        )
                            .into());
                    }
                    self.state = State::Ended;
                }
            }
            State::Special {
                left_bytes, data, ..
            } => {
                let taken = split(input, left_bytes, &mut self.offset);
                data.extend_from_slice(taken);
                if *left_bytes == 0 {
                    self.read_special()?;
                }
            }
            State::Data { left_bytes } => {
                split(input, left_bytes, &mut self.offset);
                if *left_bytes == 0 {
                    self.skip_padding();
                }
            }
            State::Padding { left_bytes } => {
                split(input, left_bytes, &mut self.offset);
                if *left_bytes == 0 {
                    self.state = State::Header { have: 0 };
                }
            }
            State::Ended => *input = &[],
        }
        Ok(())
    }

    fn read_header(&mut self) -> Result<(), Fault> {
        if self.block == [0; BLOCK_BYTES] {
            self.state = State::SecondZeroBlock { have: 0 };
            return Ok(());
        }
        let header = RawHeader::parse(&self.block).map_err(|bad| match bad {
            BadHeader::Checksum => (
                Reason::NotATar,
                "a header's checksum does not match".to_owned(),
            ),
            BadHeader::Number(field) => unreadable(format!("a header's {field} is no number")),
        })?;
        match header.type_flag {
            b'x' => self.expect_special(Special::Pax, &header),
            b'g' => self.expect_special(Special::GlobalPax, &header),
            b'L' => self.expect_special(Special::LongName, &header),
            b'K' => self.expect_special(Special::LongLink, &header),
            _ => self.read_entry(header),
        }
    }

    fn expect_special(&mut self, kind: Special, header: &RawHeader) -> Result<(), Fault> {
        let left_bytes = data_bytes(header.data_bytes)?;
        if left_bytes > self.limits.special_header_bytes {
            let limit = self.limits.special_header_bytes;
            return Err(unreadable(format!(
                "an extended header has {left_bytes} bytes, consumers read {limit}"
            ))
            .into());
        }
        self.padding_bytes = padding(left_bytes);
        self.state = State::Special {
            kind,
            left_bytes,
            data: Vec::new(),
        };
        if left_bytes == 0 {
            self.read_special()
        } else {
            Ok(())
        }
    }

    fn read_special(&mut self) -> Result<(), Fault> {
        let State::Special { kind, data, .. } =
            std::mem::replace(&mut self.state, State::Header { have: 0 })
        else {
            return Ok(());
        };
        match kind {
            Special::Pax => self.pending.records = pax::parse(&data).map_err(bad_pax)?,
            Special::GlobalPax => {
                pax::parse(&data).map_err(bad_pax)?;
                // Go's reader reports a global header as an entry of its own, which ends what
                // preceded it.
                self.pending = Pending::default();
                self.global_header = true;
            }
            Special::LongName => self.pending.long_name = text(&data).to_vec(),
            Special::LongLink => self.pending.long_link = text(&data).to_vec(),
        }
        self.skip_padding();
        Ok(())
    }

    fn read_entry(&mut self, mut header: RawHeader) -> Result<(), Fault> {
        let Pending {
            records,
            long_name,
            long_link,
        } = std::mem::take(&mut self.pending);
        if !is_header_only(header.type_flag) {
            // Go judges the stated size before PAX records override it.
            data_bytes(header.data_bytes)?;
        }
        pax::merge(&mut header, &records).map_err(bad_pax)?;
        if !long_name.is_empty() {
            header.name = long_name;
        }
        if !long_link.is_empty() {
            header.link_name = long_link;
        }
        let kind = entry::kind(header.type_flag, &header.name)?;
        if pax::is_sparse(&records) {
            return Err((
                Reason::UnsupportedTarEntry,
                "sparse file in PAX format".to_owned(),
            )
                .into());
        }
        if kind == FileKind::Regular && self.global_header {
            return Err((
                Reason::UnsupportedTarEntry,
                "a global PAX header stands before a regular file".to_owned(),
            )
                .into());
        }
        self.global_header = false;
        // Nothing but a regular file has data behind its header, whatever size the header states;
        // stating that size in the zTOC would make consumers look for the next header in
        // the wrong place.
        let left_bytes = if kind == FileKind::Regular {
            data_bytes(header.data_bytes)?
        } else {
            0
        };
        let file = entry::entry(
            kind,
            header,
            &records,
            self.offset,
            left_bytes,
            &mut self.names,
        )?;
        self.keep(file)?;
        self.padding_bytes = padding(left_bytes);
        self.state = State::Data { left_bytes };
        if left_bytes == 0 {
            self.skip_padding();
        }
        Ok(())
    }

    fn keep(&mut self, file: FileMetadata) -> Result<(), Fault> {
        limits::check(
            "tar entries",
            self.files.len() as u64 + 1,
            self.limits.files as u64,
        )?;
        self.metadata_bytes += memory_bytes(&file);
        let limit = self.limits.memory_bytes as u64;
        limits::check("bytes of file metadata", self.metadata_bytes as u64, limit)?;
        self.files.push(file);
        Ok(())
    }

    fn skip_padding(&mut self) {
        self.state = match std::mem::take(&mut self.padding_bytes) {
            0 => State::Header { have: 0 },
            left_bytes => State::Padding { left_bytes },
        };
    }
}

/// Copies from `input` into the block; true when the block is full.
fn fill(block: &mut Block, have: &mut usize, input: &mut &[u8], offset: &mut u64) -> bool {
    let mut left = (BLOCK_BYTES - *have) as u64;
    let taken = split(input, &mut left, offset);
    block[*have..*have + taken.len()].copy_from_slice(taken);
    *have += taken.len();
    *have == BLOCK_BYTES
}

/// Takes at most `left_bytes` from the front of `input` and counts them.
fn split<'a>(input: &mut &'a [u8], left_bytes: &mut u64, offset: &mut u64) -> &'a [u8] {
    let taken_bytes =
        usize::try_from(*left_bytes).map_or(input.len(), |left| left.min(input.len()));
    let (taken, rest) = input.split_at(taken_bytes);
    *input = rest;
    *left_bytes -= taken_bytes as u64;
    *offset += taken_bytes as u64;
    taken
}

/// Links, devices, directories and pipes, to Go: nothing behind their headers is theirs.
fn is_header_only(type_flag: u8) -> bool {
    (b'1'..=b'6').contains(&type_flag)
}

fn data_bytes(stated: i64) -> Result<u64, Refusal> {
    u64::try_from(stated).map_err(|_| unreadable(format!("an entry has a size of {stated} bytes")))
}

/// Bytes from the end of data to the end of its last block.
fn padding(data_bytes: u64) -> u64 {
    data_bytes.wrapping_neg() % BLOCK_BYTES as u64
}

fn bad_pax(bad: BadPax) -> Refusal {
    unreadable(match bad {
        BadPax::Record { at } => format!("malformed PAX record at byte {at} of its header"),
        BadPax::Value { key } => format!("PAX record {key:?} has no valid value"),
    })
}

/// What an entry takes in memory, allocations rounded up, with what checking its place in the tree takes.
fn memory_bytes(file: &FileMetadata) -> usize {
    const ALLOCATION_BYTES: usize = 16;
    let strings = [
        &*file.name,
        &*file.link_name,
        &*file.user_name,
        &*file.group_name,
    ];
    let heap_bytes: usize = strings.iter().map(|text| text.len()).sum();
    size_of_val(file)
        + heap_bytes
        + file.pax_records.memory_bytes()
        + (strings.len() + 1) * ALLOCATION_BYTES
        + tree::BYTES_PER_ENTRY
}
