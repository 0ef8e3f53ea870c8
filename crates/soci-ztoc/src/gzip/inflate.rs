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

    /// Decodes from `input` into `output` until a block ends, the stream ends, or one of the two is
    /// used up.
    ///
    /// Without an error, either bytes are consumed or produced, a boundary was reached, or more
    /// input is needed.
    ///
    /// # Errors
    /// zlib's reason why the deflate data is invalid.
    pub(crate) fn step(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<Progress, &'static str> {
        let input_bytes = input.len().min(u32::MAX as usize);
        let output_bytes = output.len().min(u32::MAX as usize);
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = input_bytes as u32;
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = output_bytes as u32;
        // SAFETY: initialised stream; next_in/avail_in describe a live slice that zlib only reads,
        // next_out/avail_out a live slice borrowed mutably for the length of this call.
        // zlib keeps neither pointer for its next call: both are set anew above.
        let code = unsafe { z::inflate(&mut *self.stream, z::Z_BLOCK) };
        let stop = match code {
            z::Z_STREAM_END => Stop::StreamEnd,
            z::Z_OK | z::Z_BUF_ERROR => self.stop_reason(),
            _ => return Err(self.message()),
        };
        Ok(Progress {
            consumed_bytes: input_bytes - self.stream.avail_in as usize,
            produced_bytes: output_bytes - self.stream.avail_out as usize,
            stop,
        })
    }

    /// zlib.h, inflate(): data_type holds the unused bits in its low three bits, +64 within the
    /// last block, +128 right behind a block.
    fn stop_reason(&self) -> Stop {
        let flags = self.stream.data_type;
        if flags & 128 != 0 && flags & 64 == 0 {
            Stop::BlockEnd {
                unused_bits: (flags & 7) as u8,
            }
        } else {
            Stop::Buffer
        }
    }

    fn message(&self) -> &'static str {
        if self.stream.msg.is_null() {
            return "invalid deflate data";
        }
        // SAFETY: when not null, msg points to one of zlib-rs' static NUL-terminated messages.
        unsafe { CStr::from_ptr(self.stream.msg) }
            .to_str()
            .unwrap_or("invalid deflate data")
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: initialised by `new`, ended only here.
        unsafe { z::inflateEnd(&mut *self.stream) };
    }
}
