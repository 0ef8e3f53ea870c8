//! What the product's crates tell while they work: lines on standard error. Only theirs: others' may quote requests with
//! their secrets.

use std::fmt;
use std::io::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::output::{self, Mark};

/// How the targets of the product's crates begin.
const OURS: &str = "soci_";

/// The function's handler, of which the demonstration tells in its own words.
const FUNCTION: &str = "soci_index_builder";

/// Shows from now on what is told: retries and the like; all of it if `verbose`.
pub(crate) fn show(verbose: bool) {
    let level = if verbose { Level::DEBUG } else { Level::INFO };
    let lines = layer().event_format(Line).with_writer(|| Aside);
    let of_function = if verbose { level } else { Level::WARN };
    let ours = Targets::new()
        .with_target(OURS, level)
        .with_target(FUNCTION, of_function);
    let subscriber = tracing_subscriber::registry().with(lines.with_filter(ours));
    // It is the first one: this is called once.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// An event as a line like those of the command itself.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mark = match *event.metadata().level() {
            Level::ERROR => Mark::Error.shown(),
            Level::WARN => Mark::Warning.shown(),
            Level::INFO => "note:".to_owned(),
            Level::DEBUG | Level::TRACE => "detail:".to_owned(),
        };
        write!(line, "{mark} ")?;
        context.format_fields(line.by_ref(), event)?;
        writeln!(line)
    }
}

/// Standard error beside progress bars. A line arrives in one piece.
struct Aside;

impl Write for Aside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        output::aside(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
