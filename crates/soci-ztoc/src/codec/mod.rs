//! The zTOC's byte form, a flatbuffer: written as soci-snapshotter's Go code writes it, read with
//! every offset checked.

mod decode;
mod encode;
mod reader;
mod schema;
mod writer;

pub use decode::DecodeError;
pub use encode::EncodedZtoc;
