//! Tokens from a stand-in for ECR's API that speaks its protocol: what is asked, how often, what becomes of each failure.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use soci_ecr::{EcrCredentials, EcrError, EcrOr, Fault, RegistryHost};
use soci_registry::{Credential, Credentials, CredentialsError, Fixed, Freshness, Kind, Secret};
use support::{Answer, Api, HOST, SESSION, TOKEN, config};

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3600);

fn told(credential: Result<Credential, CredentialsError>) -> String {
    match credential.unwrap() {
        Credential::BasicToken(token) => token.expose().to_owned(),
        Credential::Anonymous => "nothing".into(),
        other => format!("{other:?}"),
    }
}

async fn failure(answer: Answer) -> EcrError {
    let api = Api::start(move |_| answer.clone()).await;
    fails(&api.credentials()).await
}

async fn fails(credentials: &EcrCredentials) -> EcrError {
    let host = RegistryHost::parse(HOST).unwrap();
    credentials.token(&host, Freshness::Any).await.unwrap_err()
}

#[tokio::test]
async fn the_token_is_passed_on_unchanged() {
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let credentials = api.credentials();
    assert_eq!(told(credentials.get(HOST, Freshness::Any).await), TOKEN);
    let head = &api.asked()[0];
    assert!(head.starts_with("post / http/1.1"), "{head}");
    let target = "x-amz-target: amazonec2containerregistry_v20150921.getauthorizationtoken";
    assert!(head.contains(target), "{head}");
    // The region of the host, though nobody set one.
    assert!(head.contains("/eu-central-1/ecr/aws4_request"), "{head}");
}

#[tokio::test]
async fn one_request_serves_a_region() {
    let api = Api::start(|number| Answer::token(&format!("t{number}"), HALF_A_DAY)).await;
    let credentials = api.credentials();
    assert_eq!(told(credentials.get(HOST, Freshness::Any).await), "t0");
    let other_account = HOST.replace("1234", "9999");
    assert_eq!(
        told(credentials.get(&other_account, Freshness::Any).await),
        "t0"
    );
    let other_region = HOST.replace("eu-central-1", "us-east-1");
    assert_eq!(
        told(credentials.get(&other_region, Freshness::Any).await),
        "t1"
    );
    assert_eq!(told(credentials.get(HOST, Freshness::Renewed).await), "t2");
    assert_eq!(told(credentials.get(HOST, Freshness::Any).await), "t2");
    assert_eq!(
        told(credentials.get("docker.io", Freshness::Any).await),
        "nothing"
    );
    assert_eq!(api.asked().len(), 3);
}

#[tokio::test]
async fn concurrent_callers_share_one_request() {
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let credentials = Arc::new(api.credentials());
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let credentials = credentials.clone();
            tokio::spawn(async move { told(credentials.get(HOST, Freshness::Any).await) })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), TOKEN);
    }
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn a_look_alike_is_not_sent_what_an_api_of_ours_gave() {
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let credentials = api.credentials();
    let host = "123456789012.dkr.ecr.eu-central-1.amazonaws.com.nobody.invalid";
    let host = RegistryHost::parse(host).unwrap();
    let error = credentials.token(&host, Freshness::Any).await.unwrap_err();
    assert_eq!(
        error.api,
        "https://api.ecr.eu-central-1.amazonaws.com.nobody.invalid"
    );
    assert!(
        matches!(error.fault, Fault::Connection { .. } | Fault::Time),
        "{error}"
    );
    assert!(api.asked().is_empty());
}

#[tokio::test]
async fn refusals_have_kinds() {
    for (status, code, kind) in [
        (400, "AccessDeniedException", Kind::Denied),
        (400, "UnrecognizedClientException", Kind::Denied),
        (403, "InvalidSignatureException", Kind::Denied),
        (400, "ExpiredTokenException", Kind::Denied),
        (400, "ThrottlingException", Kind::Throttled),
        (429, "TooManyRequestsException", Kind::Throttled),
        (500, "ServerException", Kind::Transient),
        (503, "ServiceUnavailable", Kind::Transient),
        (400, "InvalidParameterException", Kind::Configuration),
    ] {
        let error = failure(Answer::refusal(status, code, "it is so")).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(code), "{error}");
        assert!(error.to_string().contains("req-0"), "{error}");
        assert_eq!(CredentialsError::from(error).kind(), kind);
    }
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let api = Api::start(|_| Answer::refusal(500, "ServerException", "x")).await;
    fails(&api.credentials()).await;
    assert_eq!(api.asked().len(), 1);
}

#[tokio::test]
async fn lack_of_rights_says_which() {
    let words = "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:GetAuthorizationToken";
    let error = failure(Answer::refusal(400, "AccessDeniedException", words)).await;
    let Fault::Refused(refusal) = &error.fault else {
        panic!("{error}")
    };
    assert_eq!(refusal.message.as_deref(), Some(words));
}

#[tokio::test]
async fn no_secret_reaches_an_error() {
    let quoting = format!("The Canonical String should have been x-amz-security-token:{SESSION}");
    for code in [
        "InvalidSignatureException",
        "UnrecognizedClientException",
        "SomethingNew",
    ] {
        let error = failure(Answer::refusal(403, code, &quoting)).await;
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SESSION), "{shown}");
    }
    let cut = Answer::Body(
        200,
        format!(r#"{{"authorizationData":[{{"authorizationToken":"{TOKEN}""#),
    );
    let spaced = Answer::token(&format!("{TOKEN} x"), HALF_A_DAY);
    for answer in [cut, spaced] {
        let error = failure(answer).await;
        assert_eq!(error.kind(), Kind::Configuration);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let credentials = api.credentials();
    let credential = credentials.get(HOST, Freshness::Any).await.unwrap();
    let shown = format!("{credentials:?} {credential:?}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn odd_answers_have_kinds() {
    for (answer, kind) in [
        (
            Answer::Body(503, "<html>down</html>".into()),
            Kind::Transient,
        ),
        (Answer::Body(403, "<html>proxy</html>".into()), Kind::Denied),
        (Answer::Body(404, String::new()), Kind::Configuration),
        (
            Answer::Body(200, "<html>login</html>".into()),
            Kind::Configuration,
        ),
        (Answer::Body(200, "{}".into()), Kind::Configuration),
        (
            Answer::Body(200, r#"{"authorizationData":[{}]}"#.into()),
            Kind::Configuration,
        ),
        (Answer::HangUp, Kind::Transient),
    ] {
        let error = failure(answer.clone()).await;
        assert_eq!(error.kind(), kind, "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn silence_ends_in_time() {
    let start = Instant::now();
    let error = failure(Answer::Never).await;
    assert_eq!(error.fault, Fault::Time);
    assert!(error.is_transient());
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn nobody_there_is_transient_and_named() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = fails(&EcrCredentials::with_config(config(&address))).await;
    assert_eq!(error.kind(), Kind::Transient);
    assert!(error.to_string().contains("refused"), "{error}");
}

fn login(host: &str) -> Fixed {
    let password = Secret::new("p");
    let user = "login".into();
    Fixed::new(host, Credential::Password { user, password })
}

#[tokio::test]
async fn other_registries_go_to_the_fallback() {
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let both = EcrOr::new(api.credentials(), login("q.io"));
    assert!(told(both.get("q.io", Freshness::Any).await).contains("login"));
    assert_eq!(told(both.get("other.io", Freshness::Any).await), "nothing");
    assert!(api.asked().is_empty());
    assert_eq!(told(both.get(HOST, Freshness::Any).await), TOKEN);
}

#[tokio::test]
async fn a_login_helps_where_aws_refuses_for_good() {
    for (answer, helps) in [
        (Answer::refusal(400, "AccessDeniedException", ""), true),
        (Answer::refusal(400, "ThrottlingException", ""), false),
    ] {
        let api = Api::start(move |_| answer.clone()).await;
        let both = EcrOr::new(api.credentials(), login(HOST));
        assert_eq!(both.get(HOST, Freshness::Any).await.is_ok(), helps);
        let neither = EcrOr::new(api.credentials(), login("q.io"));
        let error = neither.get(HOST, Freshness::Any).await.unwrap_err();
        assert!(
            error.to_string().contains("no authorization token"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_login_goes_first_where_the_domain_may_be_anybodys() {
    let api = Api::start(|_| Answer::token(TOKEN, HALF_A_DAY)).await;
    let mirror = "123456789012.dkr.ecr.eu-central-1.mirror.invalid";
    let both = EcrOr::new(api.credentials(), login(mirror));
    assert!(told(both.get(mirror, Freshness::Any).await).contains("login"));
}
