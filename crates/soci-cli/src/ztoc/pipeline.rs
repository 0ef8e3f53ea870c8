//! A layer from a reader to a zTOC on two cores: reading, walking and hashing side by side.
//!
//! Walking takes nearly all of the time, so it gets this thread; reading and hashing together take
//! a quarter of it. Pieces go from the reader to the walker to the hasher, and their buffers go
//! back to the reader, so memory stays that of [`PIECES`] pieces:
//!
//! ```text
//! reader ──piece──▶ walker ──piece, span starts──▶ hasher
//!    ▲                                                │
//!    └──────────────────── buffer ◀───────────────────┘
//! ```

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use soci_ztoc::{
    BuildError, BuildOptions, Built, HashedLayer, LayerHasher, LayerWalker, SpanStart,
};

/// Bytes of the layer that travel together. Small enough to stay in the second-level cache until
/// they are hashed.
const PIECE_BYTES: usize = 256 * 1024;

/// Pieces in flight: enough that no stage waits for another's hiccups.
const PIECES: usize = 8;

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum PipelineError {
    /// The layer cannot be read.
    Read(io::Error),
    /// The layer cannot be used.
    Build(BuildError),
}

/// A piece that has been walked, and the spans that begin in it.
struct Walked {
    bytes: Vec<u8>,
    starts: Vec<SpanStart>,
}

/// Reads the layer to its end. `on_piece` is told the size of each piece when it has been walked.
pub(crate) fn build(
    layer: impl Read + Send,
    options: &BuildOptions,
    on_piece: impl Fn(u64),
) -> Result<Built, PipelineError> {
    let (to_walker, pieces) = channel();
    let (to_hasher, walked) = channel();
    let (to_reader, buffers) = channel();
    for _ in 0..PIECES {
        // The receiver lives until the end of this function.
        let _ = to_reader.send(Vec::with_capacity(PIECE_BYTES));
    }
    thread::scope(|scope| {
        scope.spawn(move || read(layer, &buffers, &to_walker));
        let hasher = scope.spawn(move || hash(&walked, &to_reader));
        let walker = walk(&pieces, &to_hasher, options, on_piece);
        // Their channels closed, the other two stages end by themselves.
        drop((pieces, to_hasher));
        let hashed = hasher
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let walked = walker?.finish().map_err(PipelineError::Build)?;
        Built::join(walked, hashed, options).map_err(PipelineError::Build)
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

fn walk(
    pieces: &Receiver<io::Result<Vec<u8>>>,
    hasher: &Sender<Walked>,
    options: &BuildOptions,
    on_piece: impl Fn(u64),
) -> Result<LayerWalker, PipelineError> {
    let mut walker = LayerWalker::new(options.clone());
    for piece in pieces {
        let bytes = piece.map_err(PipelineError::Read)?;
        let mut starts = Vec::new();
        walker
            .push(&bytes, &mut starts)
            .map_err(PipelineError::Build)?;
        on_piece(bytes.len() as u64);
        // The hasher ends only after this side hung up.
        let _ = hasher.send(Walked { bytes, starts });
    }
    Ok(walker)
}

fn hash(walked: &Receiver<Walked>, buffers: &Sender<Vec<u8>>) -> HashedLayer {
    let mut hasher = LayerHasher::new();
    for Walked { bytes, starts } in walked {
        hasher.push(&bytes, &starts);
        // The reader may be done already.
        let _ = buffers.send(bytes);
    }
    hasher.finish()
}
