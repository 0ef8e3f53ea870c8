//! The parts of AWS that a function talks to, as small servers, for tests and benchmarks of the function's own program.
//!
//! [`RuntimeApi`] is Lambda's, one for each environment, as there: what an environment that was killed had asked for is nobody else's answer.
//! [`Cloud`] is ECR's `GetAuthorizationToken`, whose token lasts; a parameter; an event bus; an address at which a stack's answer is waited for.
//! [`Moto`] answers in a cloud's place as others think AWS does.
//! [`cgroup`] holds it to the size of a function.
//! [`environment`] is what Lambda sets for a function, [`push_event`] what Amazon ECR tells it.

#![allow(
    clippy::missing_panics_doc,
    reason = "everything here serves tests, where a panic is a failed test"
)]

pub mod cgroup;
mod cloud;
mod moto;
mod runtime_api;
mod server;

pub use cloud::{Call, Cloud};
pub use moto::{MOTO_LOGIN, MOTO_VARIABLE, Moto};
pub use runtime_api::RuntimeApi;
pub use server::free_port;

use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

/// The registry's user and password, as ECR's tokens have them.
pub const LOGIN: (&str, &str) = ("AWS", "hunter2");

/// Base64 of `AWS:hunter2`.
pub const TOKEN: &str = "QVdTOmh1bnRlcjI=";

/// The account and Region of everything here.
pub const ACCOUNT: &str = "123456789012";
/// See [`ACCOUNT`].
pub const REGION: &str = "eu-central-1";

/// AWS's key of the function's role.
pub const KEY: &str = "SecretKeyOfTheRole";

/// The session of the function's role.
pub const SESSION: &str = "SessionOfTheRole";

/// What Lambda sets in the environment of a function, with services at other addresses than AWS's.
#[must_use]
pub fn environment(
    runtime: &RuntimeApi,
    cloud: &Cloud,
    memory_mib: u64,
) -> Vec<(&'static str, String)> {
    let mut variables = environment_without_runtime_api(cloud, memory_mib);
    variables.push(("AWS_LAMBDA_RUNTIME_API", runtime.host().to_owned()));
    variables
}

/// The same where something else tells the function where the runtime API is.
#[must_use]
pub fn environment_without_runtime_api(
    cloud: &Cloud,
    memory_mib: u64,
) -> Vec<(&'static str, String)> {
    let text = |name, value: &str| (name, value.to_owned());
    vec![
        text("AWS_LAMBDA_FUNCTION_NAME", "soci"),
        text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory_mib.to_string()),
        text("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        text("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/soci"),
        text("AWS_LAMBDA_LOG_STREAM_NAME", "1"),
        text("AWS_REGION", REGION),
        text("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        text("AWS_SECRET_ACCESS_KEY", KEY),
        text("AWS_SESSION_TOKEN", SESSION),
        text("AWS_ENDPOINT_URL", &format!("http://{}", cloud.host())),
    ]
}

/// A push event of Amazon ECR for a tag.
#[must_use]
pub fn push_event(repository: &str, tag: &str, digest: &str) -> Value {
    json!({
        "version": "0", "id": "0f4b2c1e-5d1a-4a57-9c1e-2f6f5a1b7c01", "detail-type": "ECR Image Action", "source": "aws.ecr",
        "account": ACCOUNT, "time": "2026-05-04T09:12:33Z", "region": REGION, "resources": [],
        "detail": {"result": "SUCCESS", "repository-name": repository, "action-type": "PUSH", "image-tag": tag, "image-digest": digest},
    })
}

fn lock<T>(state: &Mutex<T>) -> MutexGuard<'_, T> {
    state.lock().expect("no test panics here")
}
