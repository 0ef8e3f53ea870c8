//! Lambda's runtime API.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tokio::sync::Notify;

use crate::server::{Reply, serve};
use crate::{ACCOUNT, REGION, lock};

#[derive(Default)]
struct Invocations {
    /// To be handed out: identifier, seconds, payload.
    waiting: VecDeque<(String, Duration, Vec<u8>)>,
    /// What came back: identifier, whether it went well, document.
    ended: Vec<(String, bool, Value)>,
    /// When the runtime API was first asked.
    first_asked: Option<Instant>,
}

/// Lambda's runtime API for one environment: hands out invocations and takes what comes back.
pub struct RuntimeApi {
    host: String,
    state: Arc<Mutex<Invocations>>,
    changed: Arc<Notify>,
}

impl RuntimeApi {
    /// Starts it; it ends with the runtime of its test.
    #[must_use]
    pub fn start() -> RuntimeApi {
        let (state, changed): (Arc<Mutex<Invocations>>, Arc<Notify>) = Default::default();
        let (kept, notified) = (Arc::clone(&state), Arc::clone(&changed));
        let host = serve(move |request| {
            let (kept, notified) = (Arc::clone(&kept), Arc::clone(&notified));
            Box::pin(async move {
                match request.path.strip_prefix("/2018-06-01/runtime/") {
                    Some("invocation/next") => next(&kept, &notified).await,
                    Some(rest) => lock(&kept).end(rest, &request.body),
                    None => Reply::not_found(),
                }
            })
        });
        RuntimeApi {
            host,
            state,
            changed,
        }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Puts an invocation into the queue, for at most so long.
    pub fn invoke(&self, id: &str, time: Duration, payload: Vec<u8>) {
        let invocation = (id.to_owned(), time, payload);
        lock(&self.state).waiting.push_back(invocation);
        self.changed.notify_waiters();
    }

    /// What came back of an invocation, once: whether it went well, and the document.
    #[must_use]
    pub fn take(&self, id: &str) -> Option<(bool, Value)> {
        let mut state = lock(&self.state);
        let place = state.ended.iter().position(|(ended, ..)| ended == id)?;
        let (_, well, document) = state.ended.remove(place);
        Some((well, document))
    }

    /// When it was first asked for an invocation.
    #[must_use]
    pub fn first_asked(&self) -> Option<Instant> {
        lock(&self.state).first_asked
    }
}

/// Waits for an invocation and hands it out.
async fn next(state: &Mutex<Invocations>, changed: &Notify) -> Reply {
    loop {
        let waiting = changed.notified();
        tokio::pin!(waiting);
        waiting.as_mut().enable();
        let invocation = {
            let mut state = lock(state);
            state.first_asked.get_or_insert_with(Instant::now);
            state.waiting.pop_front()
        };
        if let Some((id, time, payload)) = invocation {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let end = now.expect("after 1970") + time;
            let headers = format!(
                "lambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {}\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:{REGION}:{ACCOUNT}:function:soci\r\n",
                end.as_millis()
            );
            return Reply {
                headers,
                ..Reply::ok(payload)
            };
        }
        waiting.await;
    }
}

impl Invocations {
    /// Keeps what came back.
    fn end(&mut self, path: &str, body: &[u8]) -> Reply {
        let document = serde_json::from_slice(body).unwrap_or_default();
        let mut parts = path.rsplit('/');
        let how = parts.next().unwrap_or_default();
        let id = parts.next().unwrap_or_default().to_owned();
        self.ended.push((id, how == "response", document));
        Reply {
            status: 202,
            ..Reply::ok(b"{\"status\":\"OK\"}".to_vec())
        }
    }
}
