//! The same question to moto's ECR, somebody else's opinion of the protocol. Its token says that it ended in 2015, so this
//! also shows that such an answer does not mean asking for ever.
//!
//! `pip install 'moto[server]'` takes minutes and 300 MB, so this is run on demand: with `moto_server` on the PATH,
//! `cargo test -p soci-ecr --test moto -- --ignored`.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::process::Stdio;
use std::time::Duration;

use soci_ecr::EcrCredentials;
use soci_registry::{Credential, Credentials, Freshness};
use support::config;
use tokio::net::TcpStream;
use tokio::process::Command;

#[tokio::test]
#[ignore = "needs moto_server"]
async fn gets_a_token_from_moto() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let moto = Command::new("moto_server")
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let config = config(&format!("http://127.0.0.1:{port}")).into_builder();
    let minute = aws_config::timeout::TimeoutConfig::builder()
        .operation_timeout(Duration::from_secs(60))
        .build();
    let credentials = EcrCredentials::with_config(config.timeout_config(minute).build());
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let first = credentials.get(host, Freshness::Any).await.unwrap();
    let Credential::BasicToken(token) = first else {
        panic!("{first:?}")
    };
    assert!(token.expose().starts_with("QVdTO"), "base64 of AWS:");
    drop(moto);
    // Kept: nobody is there any more.
    credentials.get(host, Freshness::Any).await.unwrap();
    credentials.get(host, Freshness::Renewed).await.unwrap_err();
}
