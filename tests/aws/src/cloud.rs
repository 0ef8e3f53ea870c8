//! What of AWS is no runtime API: ECR's tokens, a parameter, an event bus, the address of a stack's answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::moto::Moto;
use crate::server::{Reply, Request, serve};
use crate::{TOKEN, lock};

/// How long AWS's tokens for registries last.
const TOKEN_LASTS: Duration = Duration::from_secs(12 * 60 * 60);

/// A request that the cloud answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation, or the method where there is none.
    pub name: String,
    /// The path with its query.
    pub path: String,
    /// The body, if it is JSON.
    pub body: Value,
}

#[derive(Default)]
struct Called {
    calls: Vec<Call>,
    parameter: String,
    /// Answers that come before the usual ones: operation, status, document.
    unusual: VecDeque<(String, u16, Value)>,
}

/// AWS's services.
pub struct Cloud {
    host: String,
    state: Arc<Mutex<Called>>,
}

impl Cloud {
    /// Starts it; it ends with the runtime of its test.
    #[must_use]
    pub fn start() -> Cloud {
        let state: Arc<Mutex<Called>> = Arc::default();
        let called = Arc::clone(&state);
        let host = serve(move |request| {
            let reply = lock(&called).answer(&request);
            Box::pin(std::future::ready(reply))
        });
        Cloud { host, state }
    }

    /// The same in front of moto, which answers for ECR. Its tokens ended in 2015, which a client that renews in time would ask anew for
    /// ever: here they last as long as AWS's.
    #[must_use]
    pub fn in_front_of(moto: &Moto) -> Cloud {
        let state: Arc<Mutex<Called>> = Arc::default();
        let (called, moto) = (Arc::clone(&state), moto.host().to_owned());
        let host = serve(move |request| {
            let (called, moto) = (Arc::clone(&called), moto.clone());
            Box::pin(async move {
                let own = lock(&called).answer(&request);
                let asks_for_token = request.header("x-amz-target");
                let asks =
                    asks_for_token.is_some_and(|name| name.ends_with(".GetAuthorizationToken"));
                // An unusual answer is this cloud's, whoever would give the usual one.
                if !asks || own.status != 200 {
                    return own;
                }
                let body = request.forward(&moto).await.expect("moto answers");
                let mut answer: Value = serde_json::from_slice(&body).expect("moto answers JSON");
                let ends = SystemTime::now() + TOKEN_LASTS;
                let ends = ends.duration_since(SystemTime::UNIX_EPOCH);
                answer["authorizationData"][0]["expiresAt"] =
                    ends.expect("after 1970").as_secs().into();
                Reply::of(&answer)
            })
        });
        Cloud { host, state }
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the parameter holds.
    pub fn set_parameter(&self, value: &str) {
        value.clone_into(&mut lock(&self.state).parameter);
    }

    /// Answers this operation so, once for each time that this is said, before it is answered as usual.
    pub fn answer_once(&self, name: &str, status: u16, document: Value) {
        let answer = (name.to_owned(), status, document);
        lock(&self.state).unusual.push_back(answer);
    }

    /// Everything that was called since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }

    /// An address for a stack's answer.
    #[must_use]
    pub fn answer_address(&self) -> String {
        format!(
            "http://{}/answers/1?X-Amz-Signature=SignedAnswerAddress",
            self.host
        )
    }
}

impl Called {
    fn answer(&mut self, request: &Request) -> Reply {
        let name = request.header("x-amz-target");
        let name = name.as_deref().unwrap_or(&request.method);
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        let reply = self.reply(&name);
        self.calls.push(Call {
            name,
            path: request.path.clone(),
            body: serde_json::from_slice(&request.body).unwrap_or_default(),
        });
        reply
    }

    fn reply(&mut self, name: &str) -> Reply {
        let asked = |(other, ..): &(String, u16, Value)| other == name;
        let place = self.unusual.iter().position(asked);
        if let Some((_, status, document)) = place.and_then(|place| self.unusual.remove(place)) {
            return Reply {
                status,
                ..Reply::of(&document)
            };
        }
        let answer = match name {
            // Far behind this test.
            "GetAuthorizationToken" => {
                json!({"authorizationData": [{"authorizationToken": TOKEN, "expiresAt": 4_000_000_000_u32}]})
            }
            "GetParameter" => json!({"Parameter": {"Value": self.parameter}}),
            "PutEvents" => json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
            _ => json!({}),
        };
        Reply::of(&answer)
    }
}
