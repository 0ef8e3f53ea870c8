//! Laws of soci-index: which images are chosen, and what becomes of documents.

mod desk;
mod documents;
mod filters;
mod shelf;
mod soci_indexes;
mod survival;

pub use documents::image_documents;
pub use filters::filters;
pub use soci_indexes::{run_over, soci_index};
