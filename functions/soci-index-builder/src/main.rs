//! `bootstrap`: what Lambda's custom runtimes start. Joins the handler to the runtime API.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::tower::util::MapRequestLayer;
use lambda_runtime::{
    Context, Diagnostic, Error, LambdaEvent, LambdaInvocation, Runtime, service_fn,
};
use soci_index::IndexFormat;
use soci_index_builder::{
    Handler, Invocation, InvocationFailed, PAYLOAD_BYTES, Services, Settings, logs, registry_of,
};
use tracing::level_filters::LevelFilter;

/// What AWS sees of a failed invocation: its kind, and the words.
struct Failed(InvocationFailed);

impl From<Failed> for Diagnostic {
    fn from(Failed(failed): Failed) -> Diagnostic {
        Diagnostic {
            error_type: failed.kind.to_owned(),
            error_message: failed.message,
        }
    }
}

impl std::fmt::Debug for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::from_environment();
    let level = settings
        .as_ref()
        .map_or(LevelFilter::INFO, |settings| settings.log_level);
    logs::init(level)?;
    if let Err(faults) = &settings {
        tracing::error!(%faults, "every invocation is going to fail");
    }
    if let Ok(settings) = &settings
        && settings.format == IndexFormat::V1
    {
        tracing::warn!(
            "SOCI_INDEX_VERSION is V1: AWS Fargate reads SOCI indexes v1 only in accounts that used them before"
        );
    }
    let handler = Arc::new(Handler::new(settings, Services::of_a_function()?));
    let answer = |event: LambdaEvent<Vec<u8>>| {
        let handler = Arc::clone(&handler);
        async move {
            let invocation = invocation(&event.context);
            handler
                .handle(&event.payload, &invocation)
                .await
                .map_err(Failed)
        }
    };
    let runtime = Runtime::new(service_fn(answer));
    runtime.layer(MapRequestLayer::new(as_numbers)).run().await
}

/// The payload as a list of its bytes, so that all of them reach the handler, cut where that refuses it anyway. The runtime reads JSON,
/// and fails what is none by itself: as an error that is repeated, under its own type's name, in a line that names no invocation.
fn as_numbers(mut invocation: LambdaInvocation) -> LambdaInvocation {
    let bytes = invocation.body.len().min(PAYLOAD_BYTES + 1);
    let numbers = serde_json::to_vec(&invocation.body[..bytes]);
    invocation.body = numbers.expect("a list of numbers is JSON").into();
    invocation
}

fn invocation(context: &Context) -> Invocation {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let end = Duration::from_millis(context.deadline);
    Invocation {
        request_id: context.request_id.clone(),
        end: Instant::now() + end.saturating_sub(now.unwrap_or_default()),
        here: registry_of(&context.invoked_function_arn),
    }
}
