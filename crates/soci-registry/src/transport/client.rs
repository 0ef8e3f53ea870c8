//! Sends a request and reads its answer, with a watch on silence in both directions.

use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::connect::Connector;
use super::failure::{ConnectionFailure, SetupError};
use super::tls;
use super::url::Url;
use crate::store::Content;

/// How long a pooled connection may lie idle. Below the 60 s after which load balancers close theirs.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// How the process talks HTTP.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// A PEM file of certificate authorities that are trusted in addition to the system's.
    pub extra_roots: Option<PathBuf>,
    /// How long making a TCP connection may take. Default 10 s.
    pub connect_timeout: Duration,
    /// How long nothing may move, in either direction, before the connection counts as dead. Default 30 s.
    pub idle_timeout: Duration,
    /// What the servers' logs show. Default the product's name and version.
    pub user_agent: HeaderValue,
}

impl Default for HttpOptions {
    fn default() -> HttpOptions {
        HttpOptions {
            extra_roots: None,
            connect_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(30),
            user_agent: HeaderValue::from_static(concat!(
                "soci-index-builder/",
                env!("CARGO_PKG_VERSION")
            )),
        }
    }
}

/// The process's HTTP client: cheap to clone, and to be made once, because it reads the system's trust roots.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpsConnector<Connector>, WatchedBody>,
    connector: Connector,
    options: Arc<HttpOptions>,
}

impl Http {
    /// A client with these options, and the proxies that the environment names. Must be used within a tokio runtime.
    ///
    /// # Errors
    /// When the additional roots are of no use, or TLS cannot be set up.
    pub fn new(options: HttpOptions) -> Result<Http, SetupError> {
        Http::with_proxies(options, Matcher::from_env())
    }

    pub(super) fn with_proxies(options: HttpOptions, proxies: Matcher) -> Result<Http, SetupError> {
        let connector = Connector::new(options.connect_timeout, proxies);
        let tls = tls::config(options.extra_roots.as_deref())?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(POOL_IDLE)
            .build(HttpsConnector::from((connector.clone(), tls)));
        Ok(Http {
            client,
            connector,
            options: Arc::new(options),
        })
    }

    /// Sends one request and waits for the head of its answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        outgoing: Outgoing<'_>,
    ) -> Result<Reply, ConnectionFailure> {
        headers.insert(USER_AGENT, self.options.user_agent.clone());
        if let Some(authorization) = self.connector.proxy_authorization(url.uri()) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
        let (body, feed, moved) = outgoing.split();
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.uri().clone();
        *request.headers_mut() = headers;
        let response = async {
            self.client
                .request(request)
                .await
                .map_err(ConnectionFailure::of)
        };
        let response = self.watched(response, feed, &moved).await?;
        let (head, body) = response.into_parts();
        let body = BodyReader {
            body,
            idle_timeout: self.options.idle_timeout,
        };
        Ok(Reply {
            status: head.status,
            headers: head.headers,
            body,
        })
    }

    /// One request with a small document, outside of any registry's protocol: to an address that was handed out for it, or to a service
    /// beside the registry. The answer's body is `None` when it has more than `limit_bytes`. Nothing is repeated, no redirect followed.
    ///
    /// # Errors
    /// When no answer comes, whatever it says.
    pub async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        document: &Bytes,
        limit_bytes: usize,
    ) -> Result<(StatusCode, Option<Bytes>), ConnectionFailure> {
        let outgoing = Outgoing::Whole(document);
        let mut reply = self.send(method, url, headers, outgoing).await?;
        Ok((reply.status, reply.body.whole(limit_bytes).await?))
    }

    /// Waits for the answer while feeding the request's body, as long as something moves.
    async fn watched<T>(
        &self,
        response: impl Future<Output = Result<T, ConnectionFailure>>,
        feed: impl Future<Output = ()>,
        moved: &AtomicU64,
    ) -> Result<T, ConnectionFailure> {
        let after = self.options.idle_timeout;
        // The answer may come before the body is wholly sent, so the feeding never holds it up.
        let mut both = pin!(async {
            let mut response = pin!(response);
            tokio::select! {
                biased;
                answer = &mut response => answer,
                () = feed => response.await,
            }
        });
        loop {
            let before = moved.load(Ordering::Relaxed);
            match timeout(after, &mut both).await {
                Ok(answer) => return answer,
                Err(_) if moved.load(Ordering::Relaxed) != before => {}
                Err(_) => return Err(ConnectionFailure::Stalled { after }),
            }
        }
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// What a request carries.
#[derive(Clone, Copy)]
pub(crate) enum Outgoing<'a> {
    Nothing,
    Whole(&'a Bytes),
    /// Chunks of known total size, fed to the connection as it takes them.
    Chunks {
        size_bytes: u64,
        content: &'a dyn Content,
    },
}

impl<'a> Outgoing<'a> {
    /// The body, the future that feeds it, and the counter that both move.
    fn split(self) -> (WatchedBody, impl Future<Output = ()> + 'a, Arc<AtomicU64>) {
        // One chunk waits while one is being sent; more would only be memory.
        let (sender, receiver) = mpsc::channel(1);
        let moved = Arc::new(AtomicU64::new(0));
        let left_bytes = match self {
            Outgoing::Nothing => 0,
            Outgoing::Whole(bytes) => bytes.len() as u64,
            Outgoing::Chunks { size_bytes, .. } => size_bytes,
        };
        let body = WatchedBody {
            receiver,
            left_bytes,
            moved: moved.clone(),
        };
        let feed = async move {
            match self {
                Outgoing::Nothing => {}
                Outgoing::Whole(bytes) => drop(sender.send(bytes.clone()).await),
                Outgoing::Chunks { content, .. } => {
                    for chunk in content.chunks() {
                        if sender.send(chunk).await.is_err() {
                            break;
                        }
                    }
                }
            }
        };
        (body, feed, moved)
    }
}

/// A request's body that counts what the connection took, so that a stalled upload is told from a slow one.
pub(crate) struct WatchedBody {
    receiver: mpsc::Receiver<Bytes>,
    left_bytes: u64,
    moved: Arc<AtomicU64>,
}

impl Body for WatchedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.receiver.poll_recv(cx).map(|chunk| {
            let chunk = chunk?;
            self.left_bytes = self.left_bytes.saturating_sub(chunk.len() as u64);
            self.moved.fetch_add(1, Ordering::Relaxed);
            Some(Ok(Frame::data(chunk)))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

/// The head of an answer, and its body to be read.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BodyReader,
}

/// An answer's body, chunk by chunk.
pub(crate) struct BodyReader {
    body: Incoming,
    idle_timeout: Duration,
}

impl BodyReader {
    /// The next bytes, or `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ConnectionFailure> {
        let after = self.idle_timeout;
        loop {
            let frame = timeout(after, self.body.frame()).await;
            match frame.map_err(|_| ConnectionFailure::Stalled { after })? {
                None => return Ok(None),
                Some(Err(error)) => return Err(ConnectionFailure::Broken(error.into())),
                // Trailers are of no interest.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Ok(Some(data)),
                    _ => {}
                },
            }
        }
    }

    /// The whole body, or `None` when it has more than `limit_bytes`.
    pub(crate) async fn whole(
        &mut self,
        limit_bytes: usize,
    ) -> Result<Option<Bytes>, ConnectionFailure> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > limit_bytes - whole.len() {
                return Ok(None);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(Some(whole.freeze()))
    }

    /// As much of the body as `limit_bytes` allow, and none after a failure: for answers whose body is only told of.
    pub(crate) async fn beginning(&mut self, limit_bytes: usize) -> Bytes {
        let mut beginning = BytesMut::new();
        while let Ok(Some(chunk)) = self.chunk().await {
            let room = limit_bytes - beginning.len();
            beginning.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        beginning.freeze()
    }
}
