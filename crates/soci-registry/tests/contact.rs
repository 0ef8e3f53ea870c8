//! A registry on this machine is asked in TLS first, and spoken to in http when it takes a TLS greeting as such a server does.

use std::sync::Arc;
use std::time::Duration;

use soci_registry::{
    Anonymous, ConnectionFailure, Error, Http, HttpOptions, RegistryOptions, RegistryStore,
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

fn store(host: &str) -> RegistryStore {
    let http = Http::new(HttpOptions::default()).expect("a client");
    let mut retry = RetryPolicy::default();
    (retry.attempts, retry.first_wait) = (2, Duration::from_millis(1));
    let options = RegistryOptions {
        plain_http: false,
        retry,
    };
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
        let tags = store(&host).tags().await;
        assert_eq!(tags.expect("a list"), [], "{reaction:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_no_reason_to_speak_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let error = store(&host).tags().await.expect_err("nobody listens");
    let Error::Connection { request, failure } = &error else {
        panic!("{error}")
    };
    assert!(matches!(failure, ConnectionFailure::Connect(_)), "{error}");
    assert!(request.url.to_string().starts_with("https://"), "{error}");
}
