//! Laws of soci-registry: names, layouts, archives, and what tells who we are.

mod archives;
mod challenges;
mod credentials;
mod layouts;
mod place;
mod references;

pub use archives::{REPAIR, archive_entries};
pub use challenges::challenges;
pub use credentials::docker_config;
pub use layouts::layout_index;
pub use references::references;
