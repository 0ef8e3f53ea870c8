//! One 512-byte tar header block, read field by field as Go's `archive/tar` reads it.

use super::numeric::{number, octal, text};
use crate::timestamp::Timestamp;

/// Size of a header and unit of padding.
pub(super) const BLOCK_BYTES: usize = 512;

/// A block of tar.
pub(super) type Block = [u8; BLOCK_BYTES];

/// The dialects differ in what stands behind the link name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// What a header block says, before PAX records and long names change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RawHeader {
    pub(super) type_flag: u8,
    pub(super) name: Vec<u8>,
    pub(super) link_name: Vec<u8>,
    pub(super) data_bytes: i64,
    pub(super) mode: i64,
    pub(super) uid: i64,
    pub(super) gid: i64,
    pub(super) modified: Timestamp,
    pub(super) user_name: Vec<u8>,
    pub(super) group_name: Vec<u8>,
    pub(super) device_major: i64,
    pub(super) device_minor: i64,
}

/// Why a block is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadHeader {
    /// The checksum does not match: these bytes were not written as a header.
    Checksum,
    /// The field of this name holds no number.
    Number(&'static str),
}

impl RawHeader {
    pub(super) fn parse(block: &Block) -> Result<RawHeader, BadHeader> {
        if !checksum_matches(block) {
            return Err(BadHeader::Checksum);
        }
        let field = |what, range: std::ops::Range<usize>| {
            number(&block[range]).ok_or(BadHeader::Number(what))
        };
        let mut header = RawHeader {
            type_flag: block[156],
            name: text(&block[..100]).to_vec(),
            link_name: text(&block[157..257]).to_vec(),
            data_bytes: field("size", 124..136)?,
            mode: field("mode", 100..108)?,
            uid: field("user id", 108..116)?,
            gid: field("group id", 116..124)?,
            modified: Timestamp {
                seconds: field("modification time", 136..148)?,
                nanoseconds: 0,
            },
            user_name: Vec::new(),
            group_name: Vec::new(),
            device_major: 0,
            device_minor: 0,
        };
        let dialect = dialect(block);
        if dialect == Dialect::V7 {
            return Ok(header);
        }
        header.user_name = text(&block[265..297]).to_vec();
        header.group_name = text(&block[297..329]).to_vec();
        header.device_major = field("device major number", 329..337)?;
        header.device_minor = field("device minor number", 337..345)?;
        if dialect == Dialect::Star {
            field("access time", 476..488)?;
            field("change time", 488..500)?;
        }
        let prefix = name_prefix(block, dialect);
        if !prefix.is_empty() {
            header.name = [prefix, b"/", &header.name].concat();
        }
        Ok(header)
    }
}

fn dialect(block: &Block) -> Dialect {
    match (&block[257..263], &block[263..265], &block[508..]) {
        (b"ustar\0", _, b"tar\0") => Dialect::Star,
        (b"ustar\0", ..) => Dialect::Ustar,
        (b"ustar ", b" \0", _) => Dialect::Gnu,
        _ => Dialect::V7,
    }
}

/// What stands in front of the name, without the slash between them.
fn name_prefix(block: &Block, dialect: Dialect) -> &[u8] {
    match dialect {
        Dialect::V7 => b"",
        Dialect::Ustar => text(&block[345..500]),
        Dialect::Star => text(&block[345..476]),
        // GNU headers have two times there. Writers of Go before 1.8 put a prefix there all the
        // same; Go takes it for one when it is no valid time and all ASCII
        // (golang.org/issue/21005).
        Dialect::Gnu => {
            let is_time = |field: &[u8]| field[0] == 0 || number(field).is_some();
            let prefix = text(&block[345..500]);
            if (is_time(&block[345..357]) && is_time(&block[357..369])) || !prefix.is_ascii() {
                b""
            } else {
                prefix
            }
        }
    }
}

/// The sum of all bytes, the checksum's own taken as spaces; Sun's tar summed signed bytes, so both
/// are accepted.
fn checksum_matches(block: &Block) -> bool {
    let Some(stored) = octal(&block[148..156]) else {
        return false;
    };
    let (mut unsigned, mut signed) = (0i64, 0i64);
    for (index, byte) in block.iter().enumerate() {
        let byte = if (148..156).contains(&index) {
            b' '
        } else {
            *byte
        };
        unsigned += i64::from(byte);
        signed += i64::from(byte as i8);
    }
    stored == unsigned || stored == signed
}
