//! Runs the job as its callers do.

use std::num::NonZeroUsize;
use std::sync::Arc;

use soci_index::{IndexOptions, Job, Report, Silent};
use soci_registry::Store;
use soci_testkit::image::ImageOptions;
use soci_ztoc::SpanSize;

use crate::tagged;

/// Indexes what a tag holds.
pub async fn index(store: &Arc<dyn Store>, source: &str, options: &IndexOptions) -> Report {
    let job = Job {
        store: Arc::clone(store),
        target: tagged(source),
        image: format!("r.example/app:{source}"),
        repository: "r.example/app".to_owned(),
        options: options.clone(),
        progress: Arc::new(Silent),
    };
    job.run().await
}

/// Options under which the layers of the test kit are large and have several spans. One layer at a time, so that the steps of a job
/// have an order.
#[must_use]
pub fn options() -> IndexOptions {
    let small = ImageOptions::default();
    IndexOptions {
        span_size: SpanSize::from_bytes(small.span_size).expect("it is in range"),
        min_layer_bytes: small.min_layer_size,
        concurrency: NonZeroUsize::MIN,
        ..IndexOptions::default()
    }
}
