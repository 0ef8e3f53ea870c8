//! The walk over a gzip layer: from block to block, with a checkpoint wherever the format wants one.

use crate::checkpoints::Checkpoints;
use crate::error::{BuildError, NotIndexable, Reason};
use crate::gzip::{Boundary, GzipStream};
use crate::hash::{Passed, SpanStart};
use crate::limits;
use crate::options::{BuildOptions, MultiMember};
use crate::self_check::{self, LentCheckpoint, SpanContent};
use crate::tar::{TarParser, push_content};

/// Output that may come before the first bytes of input are counted: one block's worth, so that the
/// ratio of a short layer is not judged.
const RATIO_GRACE_BYTES: u64 = 1 << 20;

/// A gzip layer as far as it has been walked.
pub(super) struct GzipWalk {
    stream: GzipStream,
    checkpoints: Checkpoints,
    last_checkpoint: u64,
}

impl GzipWalk {
    pub(super) fn new(options: &BuildOptions) -> GzipWalk {
        GzipWalk {
            stream: GzipStream::from_start(),
            checkpoints: Checkpoints::new(options.span_size.bytes()),
            last_checkpoint: 0,
        }
    }

    pub(super) fn walk(
        &mut self,
        bytes: &[u8],
        passed: &mut Passed,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let mut input = bytes;
        loop {
            let step = self.stream.advance(&mut input)?;
            if step.is_idle() && input.is_empty() {
                break;
            }
            let boundary = step.boundary;
            push_content(content, step.output)?;
            if boundary.is_some() || self.stream.is_history_full() {
                self.check_ratio(options)?;
            }
            if let Some(boundary) = boundary {
                self.at_boundary(boundary, passed, content, options)?;
            }
            self.check_memory(content, options)?;
        }
        if content.is_err() {
            if !self.checkpoints.is_empty() {
                self.checkpoints = Checkpoints::new(options.span_size.bytes());
            }
        } else if let Some(start) = passed.starts.last_mut() {
            // It goes on in the next piece, and may be the last one of the layer.
            self.lend_checkpoint(start);
        }
        Ok(())
    }

    /// Takes a checkpoint where the rule of the format wants one: at the first boundary, and
    /// wherever more than a span has been decoded since the last. (soci-snapshotter takes one
    /// at *every* boundary before the first byte, and its reader then refuses the zTOC.)
    fn at_boundary(
        &mut self,
        boundary: Boundary,
        passed: &mut Passed,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let bits = match boundary {
            Boundary::Block { bits } => bits,
            Boundary::Member { count, long_text } => {
                self.judge_member(count, long_text, content, options);
                0
            }
        };
        if content.is_err() {
            return Ok(());
        }
        let uncompressed_offset = self.stream.uncompressed_offset();
        if !self.checkpoints.is_empty()
            && uncompressed_offset - self.last_checkpoint <= options.span_size.bytes()
        {
            return Ok(());
        }
        limits::check(
            "spans",
            self.checkpoints.len() as u64 + 1,
            options.limits.spans as u64,
        )?;
        let compressed_offset = self.stream.compressed_offset();
        self.checkpoints.push(
            compressed_offset,
            uncompressed_offset,
            bits,
            self.stream.window(),
        );
        self.last_checkpoint = uncompressed_offset;
        let mut start = SpanStart {
            first_byte: compressed_offset - u64::from(bits > 0),
            previous_end: compressed_offset,
            before: Some(SpanContent {
                crc: self.stream.take_crc().finalize(),
                uncompressed_end: uncompressed_offset,
            }),
            checkpoint: None,
        };
        if self_check::is_sampled(self.checkpoints.len() - 1) {
            self.lend_checkpoint(&mut start);
        }
        passed.starts.push(start);
        Ok(())
    }

    /// Copies the latest checkpoint, where the span begins, for the self-check.
    fn lend_checkpoint(&self, start: &mut SpanStart) {
        let latest = self.checkpoints.get(self.checkpoints.len() - 1);
        start.checkpoint = Some(LentCheckpoint::new(&latest));
    }

    fn judge_member(
        &mut self,
        count: u64,
        long_text: bool,
        content: &mut Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) {
        let refusal = if count > 1 && options.multi_member == MultiMember::Skip {
            (
                Reason::MultiMemberGzip,
                "the layer has more than one gzip member",
            )
        } else if long_text {
            (
                Reason::UnsupportedCompression,
                "the gzip header has a text of 512 bytes or more, which consumers refuse",
            )
        } else {
            return;
        };
        if content.is_ok() {
            *content = Err(NotIndexable::new(
                refusal.0,
                self.stream.uncompressed_offset(),
                refusal.1,
            ));
        }
    }

    /// Judged where blocks end, and not whenever input runs out: else the verdict would depend on how the layer is cut.
    fn check_ratio(&self, options: &BuildOptions) -> Result<(), BuildError> {
        let ratio = options.limits.inflate_ratio;
        let most = self
            .stream
            .compressed_offset()
            .saturating_mul(ratio)
            .saturating_add(RATIO_GRACE_BYTES);
        if self.stream.uncompressed_offset() > most {
            return Err(limits::LimitExceeded {
                what: "uncompressed bytes per compressed byte",
                limit: ratio,
            }
            .into());
        }
        Ok(())
    }

    fn check_memory(
        &self,
        content: &Result<TarParser, NotIndexable>,
        options: &BuildOptions,
    ) -> Result<(), BuildError> {
        let entries = content.as_ref().map_or(0, TarParser::memory_bytes);
        let memory_bytes = (self.checkpoints.memory_bytes() + entries) as u64;
        Ok(limits::check(
            "bytes of memory",
            memory_bytes,
            options.limits.memory_bytes as u64,
        )?)
    }

    /// The checkpoints, and what came behind the last one.
    pub(super) fn finish(
        mut self,
        options: &BuildOptions,
    ) -> Result<(Checkpoints, SpanContent), BuildError> {
        self.stream.finish()?;
        self.check_ratio(options)?;
        let last_span = SpanContent {
            crc: self.stream.take_crc().finalize(),
            uncompressed_end: self.stream.uncompressed_offset(),
        };
        Ok((self.checkpoints, last_span))
    }
}
