//! The answer to a stack that waits for its custom resource.
//!
//! Whatever happens, the stack is answered: it would wait for an hour otherwise. Only when the answer cannot be handed over does the
//! invocation fail, and Lambda tries again.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use soci_index::Filters;
use soci_registry::Http;

use crate::arns;
use crate::invocation::InvocationFailed;
use crate::payload::{Change, CustomResourceRequest};

/// Before the second try to hand the answer over; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Tries to hand the answer over, if there is time for them.
const TRIES: u32 = 6;

/// One try: a connection that hangs must not take the time of the others.
const TRY_TIME: Duration = Duration::from_secs(10);

/// Bytes of what is said to an answer; nothing is made of it.
const REPLY_BYTES: usize = 64 << 10;

/// What is answered, and whether that is success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) document: Vec<u8>,
}

/// What to answer. `filters` are not asked for when the resource goes.
pub(crate) fn answer(
    request: &CustomResourceRequest,
    filters: Result<&Filters, &InvocationFailed>,
) -> Answer {
    let failure = |why: &str| Answer {
        success: false,
        document: request.failure(why),
    };
    match (request.change, &request.fault, filters) {
        (Change::Delete, ..) => {
            let (success, document) = request.success(&[]);
            Answer { success, document }
        }
        (_, Some(fault), _) => failure(&format!("the request cannot be read: {fault}")),
        (Change::Unknown, ..) => failure("RequestType is none of Create, Update and Delete"),
        (Change::Set, None, Err(error)) => failure(&error.to_string()),
        (Change::Set, None, Ok(filters)) => match arns::repositories(filters) {
            Err(why) => failure(&format!("the list of filters {why}")),
            Ok(found) => {
                let (partition, region) = (&request.partition, &request.region);
                let arns = arns::of(&found, partition, region, &request.account);
                let (success, document) = request.success(&arns);
                Answer { success, document }
            }
        },
    }
}

/// Hands the answer over.
///
/// # Errors
/// When it was not taken. `denied` where the address refuses it: it lives for two hours and takes one answer, and says the same again.
pub(crate) async fn hand_over(
    http: &Http,
    request: &CustomResourceRequest,
    answer: Answer,
    until: Instant,
) -> Result<(), InvocationFailed> {
    let document = Bytes::from(answer.document);
    let mut wait = FIRST_WAIT;
    for _ in 0..TRIES {
        let sent = http.exchange(
            Method::PUT,
            &request.answer_to,
            HeaderMap::new(),
            &document,
            REPLY_BYTES,
        );
        let end = until.min(Instant::now() + TRY_TIME);
        let problem = match tokio::time::timeout_at(end.into(), sent).await {
            Ok(Ok((status, _))) if status.is_success() => return Ok(()),
            Ok(Ok((status, _))) if is_final(status) => {
                return Err(InvocationFailed {
                    kind: "denied",
                    message: format!(
                        "the stack could not be answered: {} answers {status}, which is final; it goes on when its time is up",
                        request.answer_to
                    ),
                });
            }
            Ok(Ok((status, _))) => format!("{} answers {status}", request.answer_to),
            Ok(Err(error)) => format!("{}: {error}", request.answer_to),
            Err(_) => format!("{} does not answer", request.answer_to),
        };
        tracing::warn!(problem, "the stack could not be answered");
        if Instant::now() + wait >= until {
            break;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    Err(InvocationFailed {
        kind: "transient",
        message: format!("the stack could not be answered at {}", request.answer_to),
    })
}

/// Whether whoever answers so would answer the same again.
fn is_final(status: StatusCode) -> bool {
    let comes_too_soon = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    status.is_client_error() && !comes_too_soon.contains(&status)
}
