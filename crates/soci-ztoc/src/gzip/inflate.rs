//! Raw inflate that stops where a deflate block ends.
//!
//! A checkpoint can only lie at a block boundary, and neither flate2 nor zlib-rs' safe wrapper
//! tells where those are. So this module, alone in the product, speaks zlib's C-shaped interface
//! (as zlib-rs implements it) and is alone allowed `unsafe`. It is kept this narrow so that a
//! decoder of our own can take its place.
#![allow(unsafe_code)] // reason: zlib-rs offers Z_BLOCK, inflatePrime and data_type only as C functions over a z_stream

use std::ffi::{CStr, c_int};
use std::mem::size_of;

use libz_rs_sys as z;

/// Bytes that a deflate distance can reach back (RFC 1951 §3.2.5).
pub(crate) const WINDOW_BYTES: usize = 32 * 1024;

// zlib.h, inflate(), on data_type: the number of unused bits, +64 within the last block, +128 right behind a block.
const UNUSED_BITS: c_int = 7;
const BLOCK_END: c_int = 128;
const LAST_BLOCK_END: c_int = 128 + 64;

/// What is said where zlib gives no reason.
const UNNAMED: &str = "no reason given";

/// Why [`Inflater::step`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All input is used up, or all output is full.
    Buffer,
    /// A block that is not the last one ended; the next block's header comes next.
    BlockEnd {
        /// How many bits (0–7) of the last consumed byte belong to the next block.
        unused_bits: u8,
    },
    /// The last block ended; the byte it ends in is consumed.
    StreamEnd,
    /// The data is invalid, for zlib's reason.
    Invalid(&'static str),
}

/// What one [`Inflater::step`] did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) consumed_bytes: usize,
    pub(crate) produced_bytes: usize,
    pub(crate) stop: Stop,
}

/// A raw deflate stream being decoded. It owns zlib's state and nothing else: input and output are
/// borrowed per step.
pub(crate) struct Inflater {
    // Boxed because zlib's contract forbids moving a stream once it is initialised.
    stream: Box<z::z_stream>,
}

// SAFETY: the stream's pointers lead to zlib's state, which this value alone owns, and to buffers that are set anew by
// every `step`; zlib-rs keeps nothing per thread.
unsafe impl Send for Inflater {}

impl Inflater {
    /// At the first bit of a deflate stream.
    pub(crate) fn new() -> Inflater {
        let mut stream = Box::new(z::z_stream::default());
        // SAFETY: the stream is a valid, default-initialised z_stream that zlib-rs fills; version
        // and size are those of the library it is linked with. Negative window bits ask for
        // raw deflate.
        let code = unsafe {
            z::inflateInit2_(
                &mut *stream,
                -15,
                z::zlibVersion(),
                size_of::<z::z_stream>() as c_int,
            )
        };
        assert_eq!(
            code,
            z::Z_OK,
            "inflateInit2 with constant arguments fails only without memory"
        );
        Inflater { stream }
    }

    /// Back to the first bit of a stream, with no history.
    pub(crate) fn reset(&mut self) {
        // SAFETY: the stream was initialised by `new` and not ended.
        let code = unsafe { z::inflateReset(&mut *self.stream) };
        assert_eq!(
            code,
            z::Z_OK,
            "inflateReset of an initialised stream cannot fail"
        );
    }

    /// At a block boundary in mid-stream, directly after [`Inflater::new`]: the upper `bits` (0–7)
    /// bits of `shared_byte` come first, and distances reach back into `window`.
    pub(crate) fn resume(bits: u8, shared_byte: u8, window: &[u8; WINDOW_BYTES]) -> Inflater {
        let mut inflater = Inflater::new();
        let strm: *mut z::z_stream = &mut *inflater.stream;
        let bits = bits & 7;
        if bits > 0 {
            // SAFETY: initialised stream; at most 7 bits into an empty bit buffer.
            let code = unsafe {
                z::inflatePrime(strm, bits.into(), c_int::from(shared_byte >> (8 - bits)))
            };
            assert_eq!(
                code,
                z::Z_OK,
                "priming a fresh stream with at most 7 bits cannot fail"
            );
        }
        // SAFETY: initialised raw stream; the pointer and length describe one live array that zlib
        // only reads.
        let code = unsafe { z::inflateSetDictionary(strm, window.as_ptr(), WINDOW_BYTES as u32) };
        assert_eq!(
            code,
            z::Z_OK,
            "a raw stream accepts a dictionary of one window at any time"
        );
        inflater
    }

    /// Decodes from `input` into `output` until a block ends, the stream ends, the data is invalid, or one of the two
    /// is used up.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Progress {
        let input_bytes = input.len().min(u32::MAX as usize);
        let output_bytes = output.len().min(u32::MAX as usize);
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = input_bytes as u32;
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = output_bytes as u32;
        let mut code = self.inflate();
        if code == z::Z_OK && self.stream.data_type & LAST_BLOCK_END == LAST_BLOCK_END {
            // zlib stops behind the last block too; the stream's end is one more call away and needs no more input.
            code = self.inflate();
        }
        let stop = match code {
            z::Z_STREAM_END => Stop::StreamEnd,
            z::Z_OK | z::Z_BUF_ERROR => self.stop_reason(),
            _ => Stop::Invalid(self.message()),
        };
        Progress {
            consumed_bytes: input_bytes - self.stream.avail_in as usize,
            produced_bytes: output_bytes - self.stream.avail_out as usize,
            stop,
        }
    }

    /// One call into zlib with the buffers that [`Inflater::step`] has set.
    fn inflate(&mut self) -> c_int {
        // SAFETY: initialised stream; next_in/avail_in describe what is left of a live slice that zlib only reads,
        // next_out/avail_out of one borrowed mutably by `step`, the only caller, for the length of this call. zlib
        // keeps neither pointer beyond `step`, which sets both anew each time.
        unsafe { z::inflate(&mut *self.stream, z::Z_BLOCK) }
    }

    fn stop_reason(&self) -> Stop {
        let flags = self.stream.data_type;
        if flags & LAST_BLOCK_END == BLOCK_END {
            Stop::BlockEnd {
                unused_bits: (flags & UNUSED_BITS) as u8,
            }
        } else {
            Stop::Buffer
        }
    }

    fn message(&self) -> &'static str {
        if self.stream.msg.is_null() {
            return UNNAMED;
        }
        // SAFETY: when not null, msg points to one of zlib-rs' static NUL-terminated messages.
        let message = unsafe { CStr::from_ptr(self.stream.msg) }
            .to_str()
            .unwrap_or(UNNAMED);
        // zlib-rs' fast path forgets which of the first three it was, and how much input there is decides who meets it.
        match message {
            "invalid literal/length code"
            | "invalid distance code"
            | "invalid distance too far back"
            | "repeated call with bad state" => "invalid code or distance",
            message => message,
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: initialised by `new`, ended only here.
        unsafe { z::inflateEnd(&mut *self.stream) };
    }
}
