//! Credentials, addresses and proxies from the environment, as users set them. A process has one environment, so each case
//! runs this file's other half in a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test; the other half tells what it got"
)]

mod support;

use std::path::Path;
use std::time::Duration;

use soci_ecr::EcrCredentials;
use soci_registry::{Credential, Credentials, Freshness};
use support::{Answer, Api, HOST, TOKEN};
use tokio::process::Command;

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "SecretKey"),
];

#[tokio::test]
#[ignore = "the other half: run by the tests in this file"]
async fn other_half() {
    let credentials = EcrCredentials::from_environment();
    let host = std::env::var("HOST").unwrap();
    match credentials.get(&host, Freshness::Any).await {
        Ok(Credential::BasicToken(token)) => println!("token {}", token.expose()),
        Ok(other) => println!("{other:?}"),
        Err(error) => println!("{} | {error} | {error:?}", error.kind()),
    }
}

/// What the other half says with nothing but these variables. It has no home, and no instance to ask.
async fn run(host: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_half", "--ignored", "--nocapture"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("HOST", host)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

async fn api() -> Api {
    Api::start(|_| Answer::token(TOKEN, Duration::from_secs(3600))).await
}

#[tokio::test]
async fn keys_and_address_come_from_the_environment() {
    let api = api().await;
    for name in ["AWS_ENDPOINT_URL_ECR", "AWS_ENDPOINT_URL"] {
        // The flavours must not be in the way, nor a proxy that is not there.
        let rest = [
            (name, api.address.as_str()),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("HTTP_PROXY", "http://127.0.0.1:9"),
        ];
        let told = run(HOST, &[&KEYS[..], &rest].concat()).await;
        assert!(told.contains(&format!("token {TOKEN}")), "{told}");
    }
    assert!(api.asked()[0].contains("akidtest/"), "{:?}", api.asked());
}

#[tokio::test]
async fn a_profile_names_keys_and_address() {
    let api = api().await;
    let config = format!(
        "[profile p]\nservices = s\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = k\n\
         [services s]\necr =\n  endpoint_url = {}\n",
        api.address
    );
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), &config);
    let told = run(HOST, &[("AWS_CONFIG_FILE", &path), ("AWS_PROFILE", "p")]).await;
    assert!(told.contains(&format!("token {TOKEN}")), "{told}");
    assert!(api.asked()[0].contains("akidprofile/"));
}

#[tokio::test]
async fn no_credentials_is_a_fault_of_its_own() {
    let told = run(HOST, &[]).await;
    assert!(told.contains("denied | "), "{told}");
    assert!(told.contains("no AWS credentials"), "{told}");
}

/// As in a container of ECS, EKS or Lambda: the endpoint that gives keys is a service too, and may be unwell.
#[tokio::test]
async fn an_endpoint_for_keys_that_is_unwell_is_transient() {
    let body = |status| move |_| Answer::Body(status, "<html>down</html>".into());
    for (endpoint, kind) in [
        (Api::start(body(500)).await, "transient"),
        (Api::start(body(503)).await, "transient"),
        (Api::start(body(429)).await, "throttled"),
        (Api::start(|_| Answer::HangUp).await, "transient"),
        (Api::start(body(403)).await, "denied"),
    ] {
        let address = format!("{}/keys", endpoint.address);
        let told = run(HOST, &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &address)]).await;
        assert!(told.contains(&format!("{kind} | ")), "{kind}: {told}");
        assert!(told.contains("cannot load AWS credentials"), "{told}");
    }
}

#[tokio::test]
async fn a_credential_process_that_fails_is_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["echo hunter2 >&2; exit 1", "echo hunter2"] {
        let config = format!("[default]\ncredential_process = sh -c \"{command}\"\n");
        let path = written(folder.path(), &config);
        let told = run(HOST, &[("AWS_CONFIG_FILE", &path)]).await;
        assert!(told.contains("credential process failed"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[tokio::test]
async fn a_profile_that_does_not_exist_is_named() {
    let told = run(HOST, &[("AWS_PROFILE", "absent")]).await;
    assert!(told.contains("the profile absent, "), "{told}");
}

#[tokio::test]
async fn aws_is_asked_through_the_proxy() {
    let proxy = Api::start(|_| Answer::Body(502, "no way".into())).await;
    for (flavour, api) in [
        ("", "api.ecr.eu-central-1.amazonaws.com"),
        (
            "AWS_USE_FIPS_ENDPOINT",
            "api.ecr-fips.eu-central-1.amazonaws.com",
        ),
        ("AWS_USE_DUALSTACK_ENDPOINT", "ecr.eu-central-1.api.aws"),
    ] {
        let rest = [("HTTPS_PROXY", proxy.address.as_str())];
        let flavour = [(flavour, "true")];
        let flavour = if flavour[0].0.is_empty() {
            &[][..]
        } else {
            &flavour
        };
        let told = run(HOST, &[&KEYS[..], &rest, flavour].concat()).await;
        assert!(told.contains("transient | "), "{told}");
        let asked = proxy.asked().pop().unwrap();
        assert!(asked.starts_with(&format!("connect {api}:443 ")), "{asked}");
    }
}

fn written(folder: &Path, config: &str) -> String {
    let path = folder.join("config");
    std::fs::write(&path, config).unwrap();
    path.to_str().unwrap().to_owned()
}
