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

/// It writes again what the handler has written of an invocation that fails, only without the image's name.
const TWICE: &str = "lambda_runtime::layers::panic";

/// The subscriber that writes them.
pub fn subscriber<W>(level: LevelFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(Level::WARN)
        .with_targets(OURS.map(|target| (target, level)))
        .with_target(TWICE, LevelFilter::OFF);
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};
    use soci_index::Silent;
    use soci_registry::{Anonymous, Http, HttpOptions};

    use super::*;
    use crate::{Handler, Invocation, Services, Settings};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Written {
        fn lines(&self) -> Vec<Value> {
            let bytes = self.0.lock().expect("no panic");
            let lines = bytes.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.is_empty());
            lines
                .map(|line| serde_json::from_slice(line).expect("a line is JSON"))
                .collect()
        }
    }

    /// A function whose filters lie where nobody can be asked for them.
    fn handler() -> Handler {
        let settings = [("SOCI_FILTERS_PARAMETER".into(), "/soci/filters".into())];
        let services = Services {
            http: Http::new(HttpOptions::default()).expect("a client"),
            credentials: Arc::new(Anonymous),
            aws: None,
            progress: Arc::new(Silent),
            metrics: None,
        };
        Handler::new(Settings::from_variables(settings), services)
    }

    /// Defect A5 of AWS's builder: no line has the image's name. Ours have it in the quietest log, and where no image was begun.
    #[tokio::test]
    async fn a_failed_invocation_is_told_of_once_with_the_images_name() {
        let payload = include_bytes!("../payload/fixtures/push.json");
        let invocation = Invocation {
            request_id: "request-1".to_owned(),
            end: Instant::now() + Duration::from_secs(60),
            here: crate::registry_of(""),
        };
        let written = Written::default();
        let writer = {
            let written = written.clone();
            move || written.clone()
        };
        let _guard = tracing::subscriber::set_default(subscriber(LevelFilter::ERROR, writer));
        let failed = handler().handle(payload, &invocation).await;
        let failed = failed.expect_err("there are no filters");
        // As Lambda's runtime does then.
        tracing::error!(target: TWICE, "{failed}");
        let lines = written.lines();
        let [line] = &lines[..] else {
            panic!("one line: {lines:?}");
        };
        assert_eq!(line["message"], "the invocation fails");
        let span = &line["span"];
        assert_eq!(
            (&span["request_id"], &span["repository"], &span["tag"]),
            (&json!("request-1"), &json!("team/api"), &json!("v1.4.2"))
        );
        assert_eq!(span["digest"], format!("sha256:{}", "1".repeat(64)));
    }
}
