//! A checkpoint held against a decoder that has come to its place.

use super::{CheckpointFault, VerifyError};
use crate::checkpoints::Checkpoint;
use crate::gzip::{Boundary, GzipStream, WINDOW_BYTES};

/// Compares a checkpoint with the boundary at which a decoder stands; false when the decoder has not come to it yet.
pub(super) fn check_checkpoint(
    span: usize,
    checkpoint: &Checkpoint<'_>,
    boundary: Boundary,
    decoder: &GzipStream,
) -> Result<bool, VerifyError> {
    let place = decoder.compressed_offset();
    if checkpoint.compressed_offset > place {
        return Ok(false);
    }
    if checkpoint.compressed_offset < place {
        return Err(VerifyError::no_block(span));
    }
    let wrong = |fault| Err(VerifyError::Checkpoint { span, fault });
    let uncompressed_offset = decoder.uncompressed_offset();
    if checkpoint.uncompressed_offset != uncompressed_offset {
        return wrong(CheckpointFault::UncompressedOffset {
            expected: uncompressed_offset,
            found: checkpoint.uncompressed_offset,
        });
    }
    let (bits, needs_window) = match boundary {
        // No distance reaches back beyond its member.
        Boundary::Member { .. } => (0, false),
        Boundary::Block { bits } => (bits, true),
    };
    if checkpoint.bits != bits {
        return wrong(CheckpointFault::Bits {
            expected: bits,
            found: checkpoint.bits,
        });
    }
    // Where the layer has not that many bytes yet, nothing can refer to what stands in their place.
    let known_bytes = usize::try_from(uncompressed_offset)
        .unwrap_or(WINDOW_BYTES)
        .min(WINDOW_BYTES);
    let known = WINDOW_BYTES - known_bytes;
    if needs_window && checkpoint.window[known..] != decoder.window()[known..] {
        return wrong(CheckpointFault::Window);
    }
    Ok(true)
}
