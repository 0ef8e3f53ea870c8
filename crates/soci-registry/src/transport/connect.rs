//! Connections, through a proxy where the environment names one.
//!
//! The variables are curl's: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, upper or lower case. This machine itself
//! is never reached through a proxy, as Go programs have it, so that a registry on it needs no exception.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::failure::ThroughProxy;
use super::url::is_loopback;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Makes TCP connections to a server or to the proxy in front of it.
#[derive(Clone)]
pub(super) struct Connector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

impl Connector {
    pub(super) fn new(timeout: Duration, proxies: Matcher) -> Connector {
        let mut direct = HttpConnector::new();
        direct.enforce_http(false);
        direct.set_connect_timeout(Some(timeout));
        direct.set_nodelay(true);
        direct.set_keepalive(Some(Duration::from_secs(60)));
        Connector {
            direct,
            proxies: Arc::new(proxies),
        }
    }

    /// The header that a proxy wants with a plain-http request; https requests bring it with their CONNECT.
    pub(super) fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let plain = uri.scheme_str() == Some("http");
        let proxy = self
            .proxies
            .intercept(uri)
            .filter(|_| plain && !is_here(uri))?;
        proxy.basic_auth().cloned()
    }
}

fn through_proxy(error: impl Into<BoxError>) -> ThroughProxy {
    ThroughProxy(error.into())
}

fn is_here(uri: &Uri) -> bool {
    uri.host().is_some_and(is_loopback)
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.direct.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut direct = self.direct.clone();
        let proxy = self.proxies.intercept(&uri).filter(|_| !is_here(&uri));
        Box::pin(async move {
            let Some(proxy) = proxy else {
                return Ok(Stream {
                    io: direct.call(uri).await?,
                    to_proxy: false,
                });
            };
            if uri.scheme_str() == Some("http") {
                return Ok(Stream {
                    io: direct
                        .call(proxy.uri().clone())
                        .await
                        .map_err(through_proxy)?,
                    to_proxy: true,
                });
            }
            let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            Ok(Stream {
                io: tunnel.call(uri).await.map_err(through_proxy)?,
                to_proxy: false,
            })
        })
    }
}

/// A TCP connection that knows whether requests on it go to a proxy, which wants the whole address in each.
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    to_proxy: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.inner().connected().proxy(self.to_proxy)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;
    use crate::transport::{Http, HttpOptions, Outgoing, Url};

    /// What a proxy is sent when this address is asked for: first line, and the header with its credentials.
    async fn sent_to_proxy(address: &str) -> Vec<String> {
        let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = proxy.local_addr().expect("an address");
        let proxies = Matcher::builder()
            .all(format!("http://u:p@{place}"))
            .no("direct.test")
            .build();
        let http = Http::with_proxies(HttpOptions::default(), proxies).expect("a client");
        let url = Url::parse(address).expect("valid");
        let asking = async {
            let headers = http::HeaderMap::new();
            let _ = http
                .send(http::Method::GET, &url, headers, Outgoing::Nothing)
                .await;
            Vec::new()
        };
        let listening = async {
            let (stream, _) = proxy.accept().await.expect("a connection");
            let mut lines = BufReader::new(stream).lines();
            let mut seen = Vec::new();
            while let Some(line) = lines
                .next_line()
                .await
                .expect("text")
                .filter(|line| !line.is_empty())
            {
                if seen.is_empty() || line.to_ascii_lowercase().starts_with("proxy-authorization") {
                    seen.push(line);
                }
            }
            seen
        };
        tokio::select! { seen = asking => seen, seen = listening => seen }
    }

    #[tokio::test]
    async fn a_proxy_gets_the_whole_address_or_a_connect() {
        let credentials = "proxy-authorization: Basic dTpw";
        let plain = sent_to_proxy("http://r.test/v2/?n=1").await;
        assert_eq!(plain, ["GET http://r.test/v2/?n=1 HTTP/1.1", credentials]);
        let tls = sent_to_proxy("https://r.test/v2/").await;
        assert_eq!(tls[0], "CONNECT r.test:443 HTTP/1.1");
        assert_eq!(
            tls[1].to_ascii_lowercase(),
            credentials.to_ascii_lowercase()
        );
    }

    /// What is told when no connection to this address can be made, with a proxy or without.
    async fn told(address: &str, proxies: Matcher) -> String {
        let http = Http::with_proxies(HttpOptions::default(), proxies).expect("a client");
        let url = Url::parse(address).expect("valid");
        let headers = http::HeaderMap::new();
        let sent = http
            .send(http::Method::GET, &url, headers, Outgoing::Nothing)
            .await;
        sent.map(drop).expect_err("nobody is there").to_string()
    }

    #[tokio::test]
    async fn where_nobody_is_the_address_is_to_be_looked_at() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let place = listener.local_addr().expect("an address");
        drop(listener);
        for scheme in ["http", "https"] {
            let refused = told(&format!("{scheme}://{place}/"), Matcher::builder().build()).await;
            assert!(
                refused.starts_with("cannot connect: Connection refused")
                    && refused.ends_with("; is the registry running, is the port right?"),
                "{refused}"
            );
            let proxies = Matcher::builder().all(format!("http://{place}")).build();
            let refused = told(&format!("{scheme}://r.test/"), proxies).await;
            assert!(
                refused.ends_with("; is the proxy that the environment names right?"),
                "{refused}"
            );
        }
    }

    #[tokio::test]
    async fn an_unknown_host_is_to_be_looked_at() {
        // A label of 64 characters is none, so nobody on the network is asked.
        let address = format!("http://{}.invalid/", "a".repeat(64));
        let unknown = told(&address, Matcher::builder().build()).await;
        assert!(
            unknown.ends_with("; is the registry's host name right?"),
            "{unknown}"
        );
    }

    #[tokio::test]
    async fn this_machine_and_exceptions_are_reached_directly() {
        for direct in [
            "http://localhost:1/",
            "http://127.0.0.1:1/",
            "http://[::1]:1/",
            "http://x.direct.test/",
        ] {
            assert_eq!(
                sent_to_proxy(direct).await,
                Vec::<String>::new(),
                "{direct}"
            );
        }
    }
}
