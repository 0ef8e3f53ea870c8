//! A layer from a reader, in pieces that are read ahead by a thread of their own.
//!
//! Buffers go round: from the reader to whoever builds the zTOC, and back through [`build`]'s `spent`. So there are never more than
//! [`PIECES`], and reading waits for building.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use soci_index::pipeline::{self, PipelineError};
use soci_ztoc::{BuildOptions, Built};

/// Bytes of the layer that travel together. Small enough to stay in the second-level cache until
/// they are hashed.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces in flight: enough that no stage waits for another's hiccups.
const PIECES: usize = 8;

/// Reads the layer to its end. `on_piece` is told the size of each piece when it has been walked.
pub(crate) fn build(
    layer: impl Read + Send,
    options: &BuildOptions,
    on_piece: impl Fn(u64),
) -> Result<Built, PipelineError<io::Error>> {
    let (to_builder, pieces) = channel();
    let (to_reader, buffers) = channel();
    for _ in 0..PIECES {
        // The receiver lives until the end of this function.
        let _ = to_reader.send(Vec::with_capacity(PIECE_BYTES));
    }
    thread::scope(|scope| {
        scope.spawn(move || read(layer, &buffers, &to_builder));
        // The reader may be done already.
        let spent = move |buffer| drop(to_reader.send(buffer));
        pipeline::build(pieces.into_iter(), options, on_piece, spent)
    })
}

fn read(mut layer: impl Read, buffers: &Receiver<Vec<u8>>, pieces: &Sender<io::Result<Vec<u8>>>) {
    while let Ok(mut buffer) = buffers.recv() {
        let piece = fill(&mut layer, &mut buffer).map(|()| buffer);
        let is_last = piece.as_ref().map_or(true, Vec::is_empty);
        if pieces.send(piece).is_err() || is_last {
            return;
        }
    }
}

/// Reads until the buffer is full or the layer ends.
fn fill(layer: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(PIECE_BYTES, 0);
    let mut filled = 0;
    while filled < buffer.len() {
        match layer.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(filled);
    Ok(())
}
