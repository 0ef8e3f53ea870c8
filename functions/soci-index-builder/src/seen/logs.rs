//! JSON log lines. Each says which invocation and which image it is about, because the image's span stands in it.

use std::io::Write;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};

/// Ours, of which as much is written as is wanted. Others' warnings are written and nothing below: what the AWS SDK tells of its requests
/// at lower levels may hold a token.
const OURS: [&str; 4] = [
    "soci_ecr",
    "soci_index",
    "soci_index_builder",
    "soci_registry",
];

/// The subscriber that writes them.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_targets(OURS.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    Registry::default().with(lines.with_filter(targets))
}

/// Writes them to standard output, from where Lambda takes them.
///
/// # Errors
/// When somebody else is writing already.
pub fn init(level: LevelFilter) -> Result<(), tracing::subscriber::SetGlobalDefaultError> {
    tracing::subscriber::set_global_default(subscriber(level, whole_lines))
}

/// Standard output, flushed after each line: a frozen function keeps what is not.
fn whole_lines() -> impl Write {
    std::io::stdout()
}
