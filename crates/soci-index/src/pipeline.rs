//! A layer's pieces to a zTOC on two cores: walking here, hashing beside it.
//!
//! Walking takes nearly all of the time and gets the calling thread; hashing, with the self-check, takes a third of it and gets one of
//! its own. Pieces come from whoever reads them, pass the walker, pass the hasher, and are handed back:
//!
//! ```text
//! pieces ──▶ walker ──piece, what passed──▶ hasher ──▶ spent
//! ```

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use soci_ztoc::{BuildError, BuildOptions, Built, HashedLayer, LayerHasher, LayerWalker, Passed};

/// Pieces between walker and hasher: enough that neither waits for the other's hiccups.
const PIECES_BETWEEN: usize = 4;

/// Why there is no result.
#[derive(Debug)]
pub enum PipelineError<E> {
    /// The pieces broke off.
    Read(E),
    /// The layer cannot be used.
    Build(BuildError),
}

/// Builds the zTOC of a layer from its pieces, in order.
///
/// `on_piece` is told the size of each piece when it has been walked; `spent` gets it back when it has been hashed. Where the options
/// expect a digest, a damaged layer is read to its end all the same: whether the damage is the layer's own or happened on
/// the way is then known.
///
/// # Errors
/// [`PipelineError`].
pub fn build<B: AsRef<[u8]> + Send, E>(
    pieces: impl Iterator<Item = Result<B, E>>,
    options: &BuildOptions,
    on_piece: impl Fn(u64),
    spent: impl FnMut(B) + Send,
) -> Result<Built, PipelineError<E>> {
    thread::scope(|scope| {
        let (to_hasher, walked) = sync_channel(PIECES_BETWEEN);
        let hasher = scope.spawn(move || hash(&walked, spent));
        let mut walker = Ok(LayerWalker::new(options.clone()));
        for piece in pieces {
            let piece = piece.map_err(PipelineError::Read)?;
            let bytes = piece.as_ref();
            let mut passed = Passed::default();
            walker = walker.and_then(|mut walker| {
                passed = walker.push(bytes)?;
                Ok(walker)
            });
            if walker.is_err() && options.expected.digest.is_none() {
                break;
            }
            on_piece(bytes.len() as u64);
            // The hasher ends only when this side has hung up.
            let _ = to_hasher.send((piece, passed));
        }
        drop(to_hasher);
        let hashed = hasher
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let walked = walker.and_then(LayerWalker::finish);
        join(walked, hashed, options).map_err(PipelineError::Build)
    })
}

/// Another digest than the expected one explains any damage that the walker met.
fn join(
    walked: Result<Result<soci_ztoc::WalkedLayer, soci_ztoc::NotIndexable>, BuildError>,
    hashed: HashedLayer,
    options: &BuildOptions,
) -> Result<Built, BuildError> {
    match walked {
        Ok(walked) => Built::join(walked, hashed, options),
        Err(error) => {
            hashed.layer().check(&options.expected)?;
            Err(error)
        }
    }
}

fn hash<B: AsRef<[u8]>>(walked: &Receiver<(B, Passed)>, mut spent: impl FnMut(B)) -> HashedLayer {
    let mut hasher = LayerHasher::new();
    for (piece, passed) in walked {
        hasher.push(piece.as_ref(), passed);
        spent(piece);
    }
    hasher.finish()
}
