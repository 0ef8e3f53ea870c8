//! A stand-in for ECR's API: speaks its JSON 1.1 protocol over plain HTTP, and says whatever a test wants.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a failure here is a failed test"
)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use soci_ecr::EcrCredentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Base64 of `AWS:hunter2`.
pub(crate) const TOKEN: &str = "QVdTOmh1bnRlcjI=";
pub(crate) const SESSION: &str = "SessionTokenOfTheCaller";
pub(crate) const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

/// What to answer: a status and a body, or nothing ever, or a closed connection.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Body(u16, String),
    Never,
    HangUp,
}

impl Answer {
    /// A token that lasts so long.
    pub(crate) fn token(token: &str, life: Duration) -> Answer {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let end = (now.unwrap() + life).as_millis() as f64 / 1000.0;
        let data = format!(
            r#"{{"authorizationData":[{{"authorizationToken":"{token}","expiresAt":{end},"proxyEndpoint":"https://{HOST}"}}]}}"#
        );
        Answer::Body(200, data)
    }

    /// A refusal as AWS's JSON services write it.
    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Answer {
        Answer::Body(
            status,
            format!(r#"{{"__type":"{code}","message":"{message}"}}"#),
        )
    }
}

/// The server. Stops being of use with the runtime of its test.
pub(crate) struct Api {
    pub(crate) address: String,
    /// Heads of all requests so far.
    log: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// Answers the n-th request, from 0, with what the function says.
    pub(crate) async fn start(answers: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (seen, answers) = (log.clone(), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), answers.clone()));
            }
        });
        Api { address, log }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn credentials(&self) -> EcrCredentials {
        EcrCredentials::with_config(config(&self.address))
    }
}

/// Keys that need no environment, an API at this address, two seconds for everything.
pub(crate) fn config(address: &str) -> SdkConfig {
    let keys = Credentials::new("AKIDTEST", "SecretKey", Some(SESSION.into()), None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(keys))
        .endpoint_url(address)
        .timeout_config(
            TimeoutConfig::builder()
                .operation_timeout(Duration::from_secs(2))
                .build(),
        )
        .build()
}

async fn serve(
    mut stream: TcpStream,
    log: Arc<Mutex<Vec<String>>>,
    answers: Arc<impl Fn(usize) -> Answer + Send + Sync>,
) {
    while let Some(head) = read_request(&mut stream).await {
        let number = {
            let mut log = log.lock().unwrap();
            log.push(head);
            log.len() - 1
        };
        let (status, body) = match answers(number) {
            Answer::Body(status, body) => (status, body),
            Answer::Never => return tokio::time::sleep(Duration::from_secs(60)).await,
            Answer::HangUp => return,
        };
        let answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: req-{number}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The head of a request, in lower case; its body is read and forgotten.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(head)
}
