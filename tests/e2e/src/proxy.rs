//! A proxy in front of a real registry: counts what passes, and answers chosen requests in the registry's place.
//!
//! Every request goes to the registry on a connection of its own and comes back as it is, so that bytes can be counted without
//! understanding more of HTTP than where a head ends.

use std::sync::{Arc, Mutex};

use soci_registry::{Anonymous, Pending, RegistryOptions, Store};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::registry::{http, impatient, store_at};
use crate::wire::{self, Request};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub path: String,
}

/// What is answered in the registry's place.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    media_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// Any document.
    #[must_use]
    pub fn new(status: u16, media_type: &'static str, body: Vec<u8>) -> Answer {
        Answer {
            status,
            media_type,
            body,
        }
    }

    /// An error as registries write it.
    #[must_use]
    pub fn error(status: u16, code: &str) -> Answer {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"it is so"}}]}}"#);
        Answer::new(status, "application/json", body.into_bytes())
    }
}

/// A request that was answered.
#[derive(Debug, Clone)]
pub struct Passed {
    /// What was asked.
    pub asked: Asked,
    /// Bytes of the answer's body.
    pub body_bytes: u64,
}

/// What to do with a request: nothing means it goes to the registry.
type Hook = dyn Fn(Asked) -> Pending<'static, Option<Answer>> + Send + Sync;

/// The proxy. It ends with the runtime of its test.
pub struct Proxy {
    host: String,
    log: Arc<Mutex<Vec<Passed>>>,
}

impl Proxy {
    /// In front of a host; the hook may take its time.
    pub async fn start(
        upstream: &str,
        hook: impl Fn(Asked) -> Pending<'static, Option<Answer>> + Send + Sync + 'static,
    ) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("there is a free port");
        let host = listener
            .local_addr()
            .expect("it has an address")
            .to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (hook, seen): (Arc<Hook>, _) = (Arc::new(hook), Arc::clone(&log));
        let upstream = upstream.to_owned();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, hook, seen) = (upstream.clone(), hook.clone(), seen.clone());
                // A client that goes away is none of a proxy's failures.
                tokio::spawn(async move { serve(client, &upstream, &*hook, &seen).await });
            }
        });
        Proxy { host, log }
    }

    /// Passes everything on.
    pub async fn counting(upstream: &str) -> Proxy {
        Proxy::start(upstream, |_| Box::pin(std::future::ready(None))).await
    }

    /// 127.0.0.1 with its port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// A repository behind the proxy, for anybody.
    #[must_use]
    pub fn store(&self, repository: &str) -> Arc<dyn Store> {
        let options = RegistryOptions {
            plain_http: true,
            retry: impatient(),
        };
        store_at(&http(None), &self.host, repository, Anonymous, options)
    }

    /// Everything answered since the last time.
    pub fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.log.lock().expect("no test panics here"))
    }
}

/// Serves the first request of a connection; its answer says that the connection ends.
async fn serve(
    mut client: TcpStream,
    upstream: &str,
    hook: &Hook,
    log: &Mutex<Vec<Passed>>,
) -> std::io::Result<()> {
    let mut request = Request::read_head(&mut client).await?;
    request.read_body(&mut client).await?;
    let asked = request.asked.clone();
    let answer = match hook(asked.clone()).await {
        Some(Answer {
            status,
            media_type,
            body,
        }) => wire::answer(&asked, status, &[("content-type", media_type)], &body),
        None => request.forward(upstream).await?,
    };
    let body_bytes = (answer.len() - wire::head_bytes(&answer)) as u64;
    let passed = Passed { asked, body_bytes };
    log.lock().expect("no test panics here").push(passed);
    client.write_all(&answer).await?;
    client.shutdown().await
}
