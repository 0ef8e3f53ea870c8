//! The function, invoked in this process: the handler that runs in AWS Lambda, with events of Amazon ECR's shape.
//!
//! Events are handled one after the other, as by one environment of the function. An invocation that fails is repeated twice, as Lambda
//! does, only sooner. What the function writes comes back to it as events too, as it does in AWS, and must end.

mod event;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use soci_index::Progress;
use soci_index_builder::{Handler, Invocation, InvocationFailed, Registry, Services, Settings};
use soci_registry::{Anonymous, Http};
use tokio::sync::mpsc;

use crate::registry::Push;

/// Outcomes that wait to be told of.
const WAITING: usize = 1024;

/// How often an invocation is tried: Lambda's default.
const ATTEMPTS: usize = 3;

/// Between two attempts. Lambda waits for a minute.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest that Lambda lets a function run.
const TIME: Duration = Duration::from_secs(900);

/// Memory in MiB with which a function has one core.
const MIB_PER_CORE: usize = 1_769;

/// What became of one event.
pub(crate) struct Done {
    pub(crate) push: Push,
    /// The report of the image, as the function answered.
    pub(crate) result: Result<Value, InvocationFailed>,
    /// Events that waited when this one was done.
    pub(crate) waiting: usize,
}

/// A function that is invoked with every push; it ends when this is dropped.
pub(crate) struct Function {
    done: mpsc::Receiver<Done>,
    invoking: tokio::task::JoinHandle<()>,
}

impl Drop for Function {
    fn drop(&mut self) {
        self.invoking.abort();
    }
}

impl Function {
    /// Starts it, for the registry of this address in place of Amazon ECR's.
    pub(crate) fn start(
        http: &Http,
        registry: &str,
        min_layer_bytes: u64,
        progress: Arc<dyn Progress>,
        mut pushes: mpsc::Receiver<Push>,
    ) -> Function {
        let handler = handler(http, registry, min_layer_bytes, progress);
        let (to_main, done) = mpsc::channel(WAITING);
        let invoking = async move {
            let mut number = 0_u64;
            while let Some(push) = pushes.recv().await {
                number += 1;
                let result = invoke(&handler, &push, number).await;
                let waiting = pushes.len();
                let done = Done {
                    push,
                    result,
                    waiting,
                };
                if to_main.send(done).await.is_err() {
                    break;
                }
            }
        };
        let invoking = tokio::spawn(invoking);
        Function { done, invoking }
    }

    /// The next event that was handled.
    pub(crate) async fn next(&mut self) -> Option<Done> {
        self.done.recv().await
    }
}

fn handler(
    http: &Http,
    registry: &str,
    min_layer_bytes: u64,
    progress: Arc<dyn Progress>,
) -> Handler {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // As they are set for the function in AWS; only that one needs no endpoint.
    let variables = [
        ("SOCI_REGISTRY_ENDPOINT", registry.to_owned()),
        ("SOCI_MIN_LAYER_BYTES", min_layer_bytes.to_string()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            (cores * MIB_PER_CORE).to_string(),
        ),
    ];
    let settings = variables.map(|(name, value)| (name.into(), value.into()));
    let services = Services {
        http: http.clone(),
        credentials: Arc::new(Anonymous),
        aws: None,
        progress,
        metrics: None,
    };
    Handler::new(Settings::from_variables(settings), services)
}

async fn invoke(handler: &Handler, push: &Push, number: u64) -> Result<Value, InvocationFailed> {
    let payload = event::of(push, number).to_string();
    let mut attempt = 1;
    loop {
        let invocation = Invocation {
            request_id: format!("demo-{number}-{attempt}"),
            end: Instant::now() + TIME,
            here: Registry {
                account: event::ACCOUNT.to_owned(),
                region: event::REGION.to_owned(),
            },
        };
        match handler.handle(payload.as_bytes(), &invocation).await {
            Err(_) if attempt < ATTEMPTS => {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(failed) => return Err(failed),
            Ok(mut answer) => return Ok(answer["results"][0].take()),
        }
    }
}
