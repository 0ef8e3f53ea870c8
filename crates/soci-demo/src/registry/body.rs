//! Bodies of responses: bytes that are there, or part of a file that is read while it is sent.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

/// Bytes that are read from a file at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A body.
pub(super) enum Body {
    Whole(Option<Bytes>),
    File { file: File, left_bytes: u64 },
}

impl Body {
    pub(super) fn of(bytes: Bytes) -> Body {
        Body::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// So many bytes from where the file stands.
    pub(super) fn of_file(file: File, left_bytes: u64) -> Body {
        Body::File { file, left_bytes }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let (file, left_bytes) = match self.get_mut() {
            Body::Whole(bytes) => {
                return Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes))));
            }
            Body::File { left_bytes: 0, .. } => return Poll::Ready(None),
            Body::File { file, left_bytes } => (file, left_bytes),
        };
        let wanted = usize::try_from(*left_bytes).unwrap_or(usize::MAX);
        let mut chunk = BytesMut::zeroed(wanted.min(CHUNK_BYTES));
        let mut buffer = ReadBuf::new(&mut chunk);
        ready!(Pin::new(file).poll_read(cx, &mut buffer))?;
        let read = buffer.filled().len();
        if read == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        *left_bytes -= read as u64;
        chunk.truncate(read);
        Poll::Ready(Some(Ok(Frame::data(chunk.freeze()))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None) | Body::File { left_bytes: 0, .. })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Body::Whole(bytes) => bytes.as_ref().map_or(0, Bytes::len) as u64,
            Body::File { left_bytes, .. } => *left_bytes,
        })
    }
}
