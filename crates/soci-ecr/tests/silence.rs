//! The log at its most talkative, which is where the AWS SDK tells what a service answered. A file of its own: how talkative
//! a log is, is decided once in a process.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use soci_registry::{Credentials, Freshness};
use support::{Answer, Api, HOST, SESSION, TOKEN};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down every field of every event and span.
#[derive(Clone, Default)]
struct Everything(Arc<Mutex<String>>);

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        *self.0 += &format!("{field}={value:?}\n");
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Line(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Line(&mut self.0.lock().unwrap()));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Line(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn no_secret_reaches_a_log() {
    let log = Everything::default();
    tracing::subscriber::set_global_default(log.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let api = Api::start(|_| Answer::token(TOKEN, Duration::from_secs(3600))).await;
        api.credentials().get(HOST, Freshness::Any).await.unwrap();
    });
    let log = log.0.lock().unwrap();
    assert!(log.contains("asking for an authorization token"), "{log}");
    for secret in [TOKEN, SESSION, "SecretKey", "hunter2"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
