//! An OCI registry of our own, on this machine only, that tells of every push as Amazon ECR does.
//!
//! It is here so that the whole flow can be tried with nothing installed, by our client and by others' (skopeo, crane, docker). It speaks
//! distribution-spec 1.1: pull with ranges, push in one request or in pieces, mounts, tags, referrers; nothing can be deleted and nobody
//! has to log in. It proves nothing about other registries: those are what the tests of the registry client run against.
//!
//! Blobs are files under their digests; memory holds names alone. `route` reads addresses, `storage` knows what is there, `blobs`,
//! `uploads` and `manifests` answer, `answer` and `body` are what answers are made of.

mod answer;
mod blobs;
mod body;
mod manifests;
mod route;
mod storage;
mod uploads;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use soci_registry::Digest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use answer::{Answer, Code, Refusal};
use body::Body;
use route::{Query, Route};
use storage::Storage;

/// Connections at once; clients copy some layers side by side.
const CONNECTIONS: usize = 256;

/// Pushes that wait for the function. Who pushes more is asked to come back.
const WAITING_PUSHES: usize = 1024;

/// A manifest that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) repository: String,
    /// None when it was pushed by its digest.
    pub(crate) tag: Option<String>,
    pub(crate) digest: Digest,
    pub(crate) media_type: String,
    /// Its artifact type, or the media type of its config.
    pub(crate) artifact_type: Option<String>,
}

/// A running registry; it ends when this is dropped.
pub(crate) struct EmbeddedRegistry {
    address: SocketAddr,
    connections: tokio::task::JoinHandle<()>,
}

impl Drop for EmbeddedRegistry {
    fn drop(&mut self) {
        self.connections.abort();
    }
}

impl EmbeddedRegistry {
    /// Starts one on 127.0.0.1, on any port if it is 0, with its files in a folder. What is pushed into it comes out of the other end.
    pub(crate) async fn start(
        folder: &Path,
        port: u16,
    ) -> io::Result<(EmbeddedRegistry, mpsc::Receiver<Push>)> {
        let (to_function, pushes) = mpsc::channel(WAITING_PUSHES);
        let storage = Arc::new(Storage::create(folder, to_function)?);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let registry = EmbeddedRegistry {
            address: listener.local_addr()?,
            connections: tokio::spawn(accept(listener, storage)),
        };
        Ok((registry, pushes))
    }

    /// Address and port, as in the names of its images.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

/// Dropping its future ends all connections.
async fn accept(listener: TcpListener, storage: Arc<Storage>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, Arc::clone(&storage)));
                    }
                    // Of one connection, or of too many open files: others end meanwhile.
                    Err(error) => {
                        tracing::warn!(%error, "a connection cannot be accepted");
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, storage: Arc<Storage>) {
    let answering = service_fn(|request| {
        let storage = Arc::clone(&storage);
        async move { Ok::<_, Infallible>(respond(&storage, request).await) }
    });
    // Our client asks first whether TLS is spoken here; that and clients that go away are nothing to tell of.
    let served = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), answering)
        .await;
    if let Err(error) = served {
        tracing::trace!(%error, "a connection ended");
    }
}

async fn respond(storage: &Storage, request: Request<Incoming>) -> Response<Body> {
    let what = format!("{} {}", request.method(), request.uri().path());
    let answer = match answered(storage, request).await {
        Ok(answer) => answer,
        Err(refusal) => {
            tracing::debug!("{what}: {refusal}");
            refusal.into_response()
        }
    };
    with_version(answer)
}

async fn answered(storage: &Storage, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let route = Route::parse(head.uri.path())?;
    let request = Asked {
        storage,
        headers: &head.headers,
        query: &query,
    };
    let reads = head.method == Method::GET || head.method == Method::HEAD;
    match (&head.method, route) {
        (_, Route::Base) if reads => Ok(answer::json(200, &serde_json::json!({}))),
        (_, Route::Tags { repository }) if reads => manifests::tags(&request, &repository),
        (_, Route::Referrers { repository, digest }) if reads => {
            manifests::referrers(&request, &repository, &digest)
        }
        (_, Route::Manifest { repository, name }) if reads => {
            manifests::get(&request, &repository, &name).await
        }
        (&Method::PUT, Route::Manifest { repository, name }) => {
            manifests::put(&request, &repository, &name, body).await
        }
        (_, Route::Blob { repository, digest }) if reads => {
            blobs::get(&request, &repository, &digest).await
        }
        (&Method::POST, Route::Uploads { repository }) => {
            uploads::start(&request, &repository, body).await
        }
        (&Method::GET, Route::Upload { repository, id }) => {
            uploads::progress(&request, &repository, id).await
        }
        (&Method::PATCH, Route::Upload { repository, id }) => {
            uploads::append(&request, &repository, id, body).await
        }
        (&Method::PUT, Route::Upload { repository, id }) => {
            uploads::finish(&request, &repository, id, body).await
        }
        (&Method::DELETE, Route::Upload { repository, id }) => {
            uploads::cancel(&request, &repository, id).await
        }
        (method, _) => {
            let why = format!("{method} is not answered here; nothing can be deleted");
            Err(Refusal::new(405, Code::Unsupported, why))
        }
    }
}

/// A request without its body.
struct Asked<'a> {
    storage: &'a Storage,
    headers: &'a HeaderMap,
    query: &'a Query,
}

fn with_version(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(
        "docker-distribution-api-version",
        HeaderValue::from_static("registry/2.0"),
    );
    answer
}

#[cfg(test)]
mod tests;
