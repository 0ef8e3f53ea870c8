//! A registry under one of Amazon ECR's names: the program asks ECR's API for a token, and only then.
//!
//! Nobody here is Amazon. The registry is a real one with a password, reached under ECR's name through a proxy, as companies have
//! them; the API is the one of its requests that matters.

use std::path::Path;

use serde_json::Value;
use soci_e2e::{Answer, Proxy, Registry, Settings, images, program};

const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";
/// Base64 of `AWS:hunter2`, which is the registry's user and password.
const TOKEN: &str = "QVdTOmh1bnRlcjI=";
/// Base64 of `AWS:former`.
const ENDED: &str = "QVdTOmZvcm1lcg==";
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "SecretKey"),
];

/// A registry with an image, the proxy in front of it, and the API, which gives these tokens, the last of them again and again.
struct Amazon {
    _registry: Registry,
    proxy: Proxy,
    api: Proxy,
    home: tempfile::TempDir,
}

impl Amazon {
    async fn start(tokens: &'static [&'static str]) -> Amazon {
        let registry = Registry::docker_with(Settings {
            tls: false,
            login: Some(("AWS", "hunter2")),
        });
        let image = images::two_platforms(1, "1");
        images::push(&*registry.store("app"), &image).await.unwrap();
        let asked = std::sync::atomic::AtomicUsize::new(0);
        let api = Proxy::start("nobody", move |_| {
            let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let token = tokens[number.min(tokens.len() - 1)];
            // Far behind this test.
            let ends_at = 4_000_000_000u32;
            let data = serde_json::json!({"authorizationToken": token, "expiresAt": ends_at});
            let body = serde_json::json!({"authorizationData": [data]}).to_string();
            let answer = Answer::new(200, "application/x-amz-json-1.1", body.into_bytes());
            Box::pin(async move { Some(answer) })
        })
        .await;
        Amazon {
            proxy: Proxy::counting(registry.host()).await,
            _registry: registry,
            api,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs `build` with nothing in the environment but the way to the two, and these; exit code, report and standard error.
    async fn build(&self, image: &str, variables: &[(&str, &str)]) -> (Option<i32>, Value, String) {
        let mut command = program::build(image);
        command.env_clear().env("HOME", self.home.path());
        command.env("HTTP_PROXY", format!("http://{}", self.proxy.host()));
        command.env(
            "AWS_ENDPOINT_URL_ECR",
            format!("http://{}", self.api.host()),
        );
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(variables.iter().copied());
        let output = command.output().await.unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        for secret in ["hunter2", TOKEN, ENDED, "SecretKey"] {
            assert!(!words.contains(secret), "{words}");
        }
        (output.status.code(), report, words)
    }
}

fn at_ecr() -> String {
    format!("{HOST}/app:1")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_asked_for_once() {
    let amazon = Amazon::start(&[TOKEN]).await;
    let (code, report, words) = amazon.build(&at_ecr(), &KEYS).await;
    assert_eq!(
        (code, &report["outcome"]),
        (Some(0), &"indexed".into()),
        "{words}"
    );
    assert_eq!(amazon.api.take().len(), 1);
    assert!(amazon.proxy.take().len() > 10, "the registry is behind it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_is_renewed() {
    let amazon = Amazon::start(&[ENDED, TOKEN]).await;
    let (code, report, words) = amazon.build(&at_ecr(), &KEYS).await;
    assert_eq!(
        (code, &report["outcome"]),
        (Some(0), &"indexed".into()),
        "{words}"
    );
    assert_eq!(amazon.api.take().len(), 2);

    let amazon = Amazon::start(&[ENDED]).await;
    let (code, report, _) = amazon.build(&at_ecr(), &KEYS).await;
    assert_eq!((code, &report["kind"]), (Some(1), &"denied".into()));
    assert!(amazon.api.take().len() <= 4, "no storm");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_aws_credentials_it_is_told_which_there_could_be() {
    let amazon = Amazon::start(&[TOKEN]).await;
    let (code, report, words) = amazon.build(&at_ecr(), &[]).await;
    assert_eq!((code, &report["kind"]), (Some(1), &"denied".into()));
    assert_eq!(words.lines().count(), 1, "{words}");
    for part in [
        &at_ecr(),
        "no AWS credentials",
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID",
    ] {
        assert!(words.contains(part), "{words}");
    }
    assert!(amazon.api.take().is_empty() && amazon.proxy.take().is_empty());

    // A `docker login` from before serves as well.
    log_in(amazon.home.path(), HOST);
    let (code, _, words) = amazon.build(&at_ecr(), &[]).await;
    assert_eq!(code, Some(0), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_registries_are_none_of_amazons() {
    let amazon = Amazon::start(&[TOKEN]).await;
    let host = "registry.example";
    log_in(amazon.home.path(), host);
    let (code, _, words) = amazon.build(&format!("{host}/app:1"), &KEYS).await;
    assert_eq!(code, Some(0), "{words}");
    assert!(amazon.api.take().is_empty());
}

/// As `docker login` leaves it.
fn log_in(home: &Path, host: &str) {
    let folder = home.join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    let config = serde_json::json!({"auths": {host: {"auth": TOKEN}}});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
}
