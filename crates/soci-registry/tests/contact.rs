//! A registry on this machine is asked in TLS first, and spoken to in http when it takes a TLS greeting as such a server does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use soci_registry::{
    Anonymous, ConnectionFailure, Error, Http, HttpOptions, Kind, RegistryOptions, RegistryStore,
    RetryPolicy, Store,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first byte of a TLS record with a greeting; RFC 8446, section 5.1.
const GREETING: u8 = 0x16;

/// How a server without TLS takes a TLS greeting.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reaction {
    /// Says in http that it does not understand.
    Answers,
    /// Closes the connection after reading.
    Closes,
    /// Resets it after reading.
    Resets,
    /// Resets it with the greeting unread.
    ResetsUnread,
}

/// Serves one connection after the other: an empty list of tags over http.
async fn serve(listener: TcpListener, reaction: Reaction) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move { answer(stream, reaction).await });
    }
}

async fn answer(mut stream: TcpStream, reaction: Reaction) -> std::io::Result<()> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0] == GREETING {
        let mut greeting = [0; 4096];
        if reaction != Reaction::ResetsUnread {
            let _ = stream.read(&mut greeting).await?;
        }
        match reaction {
            Reaction::Answers => {
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
                    .await?;
            }
            Reaction::Closes => {}
            Reaction::Resets | Reaction::ResetsUnread => stream.set_zero_linger()?,
        }
        return Ok(());
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11\r\n\r\n{\"tags\":[]}";
    stream.write_all(answer).await
}

fn store(host: &str, plain_http: bool) -> RegistryStore {
    let http = Http::new(HttpOptions::default()).expect("a client");
    let mut retry = RetryPolicy::default();
    (retry.attempts, retry.first_wait) = (2, Duration::from_millis(1));
    let options = RegistryOptions { plain_http, retry };
    let repository = format!("{host}/app").parse().expect("a name");
    RegistryStore::new(&http, repository, Arc::new(Anonymous), options)
}

#[tokio::test]
async fn a_registry_here_without_tls_is_spoken_to_in_http() {
    for reaction in [
        Reaction::Answers,
        Reaction::Closes,
        Reaction::Resets,
        Reaction::ResetsUnread,
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let host = listener.local_addr().expect("an address").to_string();
        tokio::spawn(serve(listener, reaction));
        let tags = store(&host, false).tags().await;
        assert_eq!(tags.expect("a list"), [], "{reaction:?}");
    }
}

/// Where every connection is answered with these bytes, and how many there were.
async fn always(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(answer).await;
        }
    });
    (host, connections)
}

/// A fatal TLS alert; RFC 8446, section 6.
macro_rules! alert {
    ($description:expr) => {
        &[21, 3, 3, 0, 2, 2, $description]
    };
}

const HANDSHAKE_FAILURE: &[u8] = alert!(40);
const PROTOCOL_VERSION: &[u8] = alert!(70);
const CERTIFICATE_REQUIRED: &[u8] = alert!(116);
const UNRECOGNISED_NAME: &[u8] = alert!(112);
const INTERNAL_ERROR: &[u8] = alert!(80);

#[tokio::test]
async fn a_server_that_refuses_tls_is_asked_once() {
    for refusal in [
        HANDSHAKE_FAILURE,
        PROTOCOL_VERSION,
        CERTIFICATE_REQUIRED,
        UNRECOGNISED_NAME,
    ] {
        let (host, connections) = always(refusal).await;
        let error = store(&host, false).tags().await.expect_err("refused");
        assert_eq!(error.kind(), Kind::Configuration, "{error}");
        let text = error.to_string();
        assert!(text.contains("refuses the TLS connection ("), "{text}");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
    let (host, connections) = always(INTERNAL_ERROR).await;
    let error = store(&host, false).tags().await.expect_err("in trouble");
    assert_eq!(error.kind(), Kind::Transient, "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_server_that_does_not_speak_http_is_asked_once() {
    for answer in [PROTOCOL_VERSION, b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let (host, connections) = always(answer).await;
        let error = store(&host, true).tags().await.expect_err("no HTTP");
        assert_eq!(error.kind(), Kind::Configuration, "{error}");
        assert!(error.to_string().ends_with("--plain-http"), "{error}");
        assert_eq!(connections.load(Ordering::SeqCst), 1);
    }
    // As Go's servers of https, registries among them, answer to http.
    let answer =
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    let (host, connections) = always(answer).await;
    let error = store(&host, true).tags().await.expect_err("no https");
    assert_eq!(error.kind(), Kind::Configuration, "{error}");
    assert!(error.to_string().ends_with("--plain-http"), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_there_is_no_reason_to_speak_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let error = store(&host, false)
        .tags()
        .await
        .expect_err("nobody listens");
    let Error::Connection { request, failure } = &error else {
        panic!("{error}")
    };
    assert!(matches!(failure, ConnectionFailure::Connect(_)), "{error}");
    assert!(request.url.to_string().starts_with("https://"), "{error}");
}
