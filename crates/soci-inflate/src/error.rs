//! What can be wrong with a stream, and where.
//!
//! The verdicts are zlib's: a stream is refused here if and only if zlib refuses it. The reasons say more than zlib's.

use core::fmt;

/// A stream that is not valid DEFLATE. Truncation is not among the reasons: the caller alone knows that no more input comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Bits decoded before what is wrong, from the first bit of the first byte pushed: where the header, the length or the symbol
    /// begins that is refused. Of code lengths that make no code, where they end.
    pub bit_offset: u64,
    /// Bytes decoded before it, all of which were given out.
    pub output_bytes: u64,
}

/// What is wrong with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A block of the reserved type 3.
    BlockType,
    /// A stored block's length and its complement do not belong together.
    StoredLength {
        /// LEN, as read.
        length: u16,
        /// NLEN, as read.
        complement: u16,
    },
    /// More codes than there are symbols.
    CodeCount {
        /// How many literal/length codes; at most 286 are allowed.
        literal_lengths: u16,
        /// How many distance codes; at most 30 are allowed.
        distances: u16,
    },
    /// The code lengths of one of a block's three codes make no prefix code.
    CodeLengths {
        /// Which code.
        code: Code,
        /// What is wrong with the lengths.
        defect: Defect,
    },
    /// The first code length repeats one before it, and there is none.
    RepeatOfNothing,
    /// A repeated code length goes beyond the number of codes.
    RepeatPastEnd {
        /// How often it is repeated.
        times: u16,
        /// How many code lengths are missing.
        missing: u16,
    },
    /// A block without a code for its end.
    NoEndOfBlock,
    /// Bits that are no literal/length code, or one without meaning.
    LiteralLengthCode,
    /// Bits that are no distance code, or one without meaning.
    DistanceCode,
    /// A match begins before the first byte there is.
    DistanceTooFar {
        /// How far back it begins, in bytes.
        distance: u16,
        /// How many bytes there are.
        available: u16,
    },
}

/// One of the three codes of a dynamic block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Of the code lengths of the other two.
    CodeLength,
    /// Of literals, lengths, and the end of the block.
    LiteralLength,
    /// Of distances.
    Distance,
}

/// Why code lengths make no prefix code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// There are more codes than fit.
    OverSubscribed,
    /// Some bits are no code. zlib allows that where at most one code of one bit is used, for distances or for a block's end.
    Incomplete,
}

impl ErrorKind {
    /// The reason in a few words, without the numbers.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::BlockType => "invalid block type",
            Self::StoredLength { .. } => "invalid stored block lengths",
            Self::CodeCount { .. } => "too many length or distance symbols",
            Self::CodeLengths { code, defect } => match (code, defect) {
                (Code::CodeLength, Defect::OverSubscribed) => "over-subscribed code length code",
                (Code::CodeLength, Defect::Incomplete) => "incomplete code length code",
                (Code::LiteralLength, Defect::OverSubscribed) => {
                    "over-subscribed literal/length code"
                }
                (Code::LiteralLength, Defect::Incomplete) => "incomplete literal/length code",
                (Code::Distance, Defect::OverSubscribed) => "over-subscribed distance code",
                (Code::Distance, Defect::Incomplete) => "incomplete distance code",
            },
            Self::RepeatOfNothing => "repeated code length without one before it",
            Self::RepeatPastEnd { .. } => "repeated code length beyond the last code",
            Self::NoEndOfBlock => "missing end-of-block code",
            Self::LiteralLengthCode => "invalid literal/length code",
            Self::DistanceCode => "invalid distance code",
            Self::DistanceTooFar { .. } => "invalid distance too far back",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        match *self {
            Self::StoredLength { length, complement } => {
                write!(
                    f,
                    ": complement of {length:#06x} is {:#06x}, found {complement:#06x}",
                    !length
                )
            }
            Self::CodeCount {
                literal_lengths,
                distances,
            } => write!(
                f,
                ": at most 286 and 30, found {literal_lengths} and {distances}"
            ),
            Self::RepeatPastEnd { times, missing } => {
                write!(f, ": {missing} missing, repeated {times} times")
            }
            Self::DistanceTooFar {
                distance,
                available,
            } => write!(f, ": at most {available} bytes, found {distance}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            bit_offset,
            output_bytes,
        } = self;
        write!(
            f,
            "deflate data at byte {}, bit {}, behind {output_bytes} decoded bytes: {kind}",
            bit_offset / 8,
            bit_offset % 8
        )
    }
}

impl core::error::Error for Error {}
