//! Docker's configuration: each way in which it keeps credentials, and none of them in an error.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::kind::Kind;

async fn look_up(config: &str, host: &str) -> Result<Credential, CredentialsError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.json");
    std::fs::write(&path, config).expect("written");
    DockerConfig::at(path).get(host, Freshness::Any).await
}

async fn told(config: &str, host: &str) -> String {
    match look_up(config, host).await.expect("credentials") {
        Credential::Anonymous => "nothing".into(),
        Credential::Password { user, password } => format!("{user} {}", password.expose()),
        Credential::BasicToken(token) => format!("basic {}", token.expose()),
        Credential::IdentityToken(token) => format!("identity {}", token.expose()),
    }
}

#[tokio::test]
async fn finds_what_login_left() {
    let config = r#"{"auths":{
        "q.io":{"auth":"bWU6cGE6c3M="},
        "https://old.example/v1/":{"username":"a","password":"b"},
        "t.example:5000":{"auth":"eA==","identitytoken":"tok"},
        "https://index.docker.io/v1/":{"auth":"aHViOmh1Yg=="},
        "empty.example":{}}}"#;
    assert_eq!(told(config, "q.io").await, "me pa:ss");
    assert_eq!(told(config, "old.example").await, "a b");
    assert_eq!(told(config, "t.example:5000").await, "identity tok");
    assert_eq!(told(config, "docker.io").await, "hub hub");
    assert_eq!(told(config, "empty.example").await, "nothing");
    assert_eq!(told(config, "q.io.evil.example").await, "nothing");
}

#[tokio::test]
async fn no_file_means_no_credentials() {
    let config = DockerConfig::at("no/such/config.json");
    let found = config
        .get("q.io", Freshness::Any)
        .await
        .expect("not an error");
    assert!(matches!(found, Credential::Anonymous));
}

#[tokio::test]
async fn an_error_does_not_quote_the_file() {
    for config in [
        r#"{"auths":{"q.io":{"auth":"hunter2hunter2!"}}}"#,
        r#"{"auths":"hunter2"}"#,
        "hunter2",
    ] {
        let error = look_up(config, "q.io").await.expect_err("malformed");
        assert_eq!(error.kind(), Kind::Configuration);
        assert!(
            !format!("{error}{error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn helpers_are_asked_first() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = r#"#!/bin/sh
read server
case "$server" in
  q.io) echo '{"ServerURL":"q.io","Username":"u","Secret":"hunter2"}' ;;
  id.example) echo '{"Username":"<token>","Secret":"t"}' ;;
  loud.example) echo "hunter2"; exit 1 ;;
  odd.example) echo "hunter2" ;;
  endless.example) yes hunter2 ;;
  *) echo "credentials not found in native keychain"; exit 1 ;;
esac
"#;
    let path = folder.path().join("docker-credential-test-helper");
    std::fs::write(&path, script).expect("written");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("executable");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(folder.path().to_owned()).chain(std::env::split_paths(&paths));
    let extended = std::env::join_paths(paths).expect("a path");
    let run = |host: &str| {
        let (host, extended) = (host.to_owned(), extended.clone());
        async move { helper::get_with_path("test-helper", &host, Some(&extended)).await }
    };
    assert!(
        matches!(run("q.io").await, Ok(Some(Credential::Password { user, .. })) if user == "u")
    );
    assert!(matches!(
        run("id.example").await,
        Ok(Some(Credential::IdentityToken(_)))
    ));
    assert!(matches!(run("other.example").await, Ok(None)));
    for (host, kind) in [
        ("loud.example", Kind::Denied),
        ("odd.example", Kind::Configuration),
        ("endless.example", Kind::Configuration),
    ] {
        let error = run(host).await.expect_err(host);
        assert_eq!(error.kind(), kind);
        assert!(
            !format!("{error}{error:?}").contains("hunter2"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_helper_that_is_missing_or_badly_named_is_named() {
    let missing = look_up(r#"{"credsStore":"none-such"}"#, "q.io")
        .await
        .expect_err("missing");
    assert!(
        missing
            .to_string()
            .starts_with("credential helper docker-credential-none-such: cannot")
    );
    let escaping = look_up(r#"{"credHelpers":{"q.io":"../../x"}}"#, "q.io")
        .await
        .expect_err("bad");
    assert_eq!(escaping.kind(), Kind::Configuration);
}
