//! Raw DEFLATE (RFC 1951) for layers: decoded once, read once, with a stop wherever a checkpoint can lie.
//!
//! ```
//! use soci_inflate::{Event, Inflater};
//!
//! // A stored block of three bytes, which is the last one.
//! let stream = [1, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
//! let mut inflater = Inflater::new();
//! let mut output = Vec::new();
//! for mut piece in stream.chunks(5) {
//!     loop {
//!         let step = inflater.advance(&mut piece)?;
//!         output.extend_from_slice(step.output);
//!         if step.event == Some(Event::StreamEnd { bit_offset: 64 }) {
//!             assert_eq!(output, b"abc");
//!         }
//!         if step.is_idle() && piece.is_empty() {
//!             break;
//!         }
//!     }
//! }
//! # Ok::<(), soci_inflate::Error>(())
//! ```
//!
//! # What it promises
//! - Input comes in pieces of any size, and cutting it differently never changes output, events or errors.
//! - It stops behind every block and tells the bit at which the next one begins; at the end it tells how many bytes the stream took.
//! - From such a bit and the 32 KiB before it decoding begins again ([`Inflater::at_checkpoint`]).
//! - Memory is allocated when an [`Inflater`] is made, less than 300 KiB, and never again. Output is lent from there, contiguous
//!   with the window before it.
//! - A stream is refused if and only if zlib refuses it, and the [`Error`] says what was found at which bit.
//! - No unsafe code but one call, of what was compiled for the processor that is found; none without the feature `std`.
//! - No dependency, no I/O, no panic on any input.
//!
//! # What it does not do
//! gzip and zlib framing, checksums, preset dictionaries of other sizes than a window, DEFLATE64, and compression. Truncation is for the
//! caller to judge, who knows that no more input comes. It is not quick with a few bytes at a time: pieces of some KiB are.
//!
//! # How a walk over gzip members uses it
//! It takes the place of an inflate into a history of the caller's own; with zlib's terms:
//!
//! | zlib, with a history around it | here |
//! |---|---|
//! | `inflateInit2(-15)`, `inflateReset` | [`Inflater::new`], [`Inflater::reset`]: the window survives a reset, matches do not reach it |
//! | `inflatePrime` with the upper bits of a shared byte, `inflateSetDictionary` | [`Inflater::at_checkpoint`]; the shared byte is the first one pushed, no state of the caller's waits for it |
//! | `inflate(Z_BLOCK)`, `data_type` | [`Inflater::advance`], [`Event::BlockEnd`] with `unused_bits`: the `bits` of a checkpoint |
//! | `Z_STREAM_END`, the second call behind the last block | [`Event::StreamEnd`], at once; the trailer is what is left of the input |
//! | `avail_in` | the input is a slice that gets shorter |
//! | output buffer, slide, window | [`Step::output`], [`Inflater::window`], [`Inflater::last_output`], [`Inflater::is_history_full`] |
//! | `Z_DATA_ERROR`, `msg` | [`Error`]; [`ErrorKind::reason`] is the text without numbers, the same however the input is cut |
//!
//! # Map
//! `inflater` the stream's states and the calls · `fast` the loops that decode nearly all symbols · `dispatch` chooses between two of them by the
//! processor · `header` a dynamic block's header ·
//! `tables` from code lengths to what is looked up · `bits` the bit buffer · `history` output and window · `error` what can be wrong
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod bits;
mod code;
mod dispatch;
mod entry;
mod error;
mod fast;
mod header;
mod history;
mod inflater;
mod step;
mod tables;

pub use error::{Code, Defect, Error, ErrorKind};
pub use inflater::Inflater;
pub use step::{Event, Step};

/// Bytes that a distance can reach back (RFC 1951 §3.2.5).
pub const WINDOW_BYTES: usize = 32 * 1024;
