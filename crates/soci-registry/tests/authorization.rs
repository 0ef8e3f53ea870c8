//! Who is told who we are: the registry and its token endpoint, in the way they ask for it, and nobody else.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use soci_registry::{
    Anonymous, Credential, Credentials, CredentialsError, Descriptor, Digest, Error, Fixed,
    Freshness, Kind, Listing, Manifest, OCI_MANIFEST, Pending, Secret, Store, Tag, Target,
};
use support::{Answer, Asked, Server, retries};

/// Basic credentials of `me` and `pass`.
const BASIC: &str = "Basic bWU6cGFzcw==";

fn password(server: &Server) -> Fixed {
    let password = Secret::new("pass");
    Fixed::new(
        &server.host,
        Credential::Password {
            user: "me".into(),
            password,
        },
    )
}

fn tags() -> Answer {
    Answer::new(200, r#"{"tags":[]}"#)
}

fn challenge(text: &str) -> Answer {
    Answer::error(401, "UNAUTHORIZED").with("www-authenticate", text)
}

fn authorizations(server: &Server) -> Vec<Option<String>> {
    server
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn basic_is_sent_once_it_is_asked_for() {
    let server = Server::start(|asked| match asked.header("authorization") {
        Some(BASIC) => tags(),
        _ => challenge("Basic realm=\"r\""),
    });
    let server = server.await;
    let store = server.store_with(password(&server), retries());
    store.tags().await.expect("allowed");
    store.tags().await.expect("allowed");
    let basic = Some(BASIC.to_owned());
    assert_eq!(authorizations(&server), [None, basic.clone(), basic]);
}

/// A registry that wants tokens of this endpoint, and the endpoint, which numbers them.
async fn token_registry(
    accepted: impl Fn(&str) -> bool + Send + Sync + 'static,
) -> (Server, Server) {
    let issued = AtomicUsize::new(0);
    let endpoint = Server::start(move |_| {
        let number = issued.fetch_add(1, Ordering::SeqCst);
        Answer::new(200, format!(r#"{{"token":"t{number}","expires_in":300}}"#))
    });
    let endpoint = endpoint.await;
    let realm = endpoint.url("/token");
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some(header) if accepted(header) && asked.method == "HEAD" => Answer::new(404, ""),
        Some(header) if accepted(header) => tags(),
        _ => challenge(&format!("Bearer realm=\"{realm}\",service=\"s.example\"")),
    });
    (server.await, endpoint)
}

#[tokio::test]
async fn a_token_is_fetched_once_for_each_scope() {
    let (server, endpoint) = token_registry(|_| true).await;
    let store = server.store_with(password(&server), retries());
    store.tags().await.expect("allowed");
    store.tags().await.expect("allowed");
    let manifest = Manifest::new(OCI_MANIFEST, "{}");
    store
        .push_manifest(&manifest, Listing::Digest)
        .await
        .expect("allowed");
    let asked: Vec<_> = endpoint
        .asked()
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        asked,
        [
            "/token?service=s.example&scope=repository%3Aapp%3Apull",
            "/token?service=s.example&scope=repository%3Aapp%3Apull%2Cpush",
        ]
    );
    assert!(
        authorizations(&endpoint)
            .iter()
            .all(|header| header.as_deref() == Some(BASIC))
    );
    let bearer = |number| Some(format!("Bearer t{number}"));
    assert_eq!(authorizations(&server)[..3], [None, bearer(0), bearer(0)]);
}

#[tokio::test]
async fn parallel_requests_share_a_token() {
    let (server, endpoint) = token_registry(|_| true).await;
    let store = Arc::new(server.store_with(Anonymous, retries()));
    let asking: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.tags().await.map(drop) })
        })
        .collect();
    for asked in asking {
        asked.await.expect("no panic").expect("allowed");
    }
    assert_eq!(endpoint.asked().len(), 1);
    assert_eq!(
        authorizations(&endpoint),
        [None],
        "anonymous tokens are asked for without credentials"
    );
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_once() {
    let (server, endpoint) = token_registry(|header| header == "Bearer t1").await;
    let store = server.store_with(password(&server), retries());
    store.tags().await.expect("allowed with the second token");
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn refused_for_ever_is_denied_without_a_storm() {
    let (server, endpoint) = token_registry(|_| false).await;
    let error = server
        .store_with(password(&server), retries())
        .tags()
        .await
        .expect_err("refused");
    assert_eq!((error.kind(), error.is_transient()), (Kind::Denied, false));
    assert_eq!((server.asked().len(), endpoint.asked().len()), (3, 2));
    let bare = Server::start(|_| Answer::new(401, "")).await;
    assert_eq!(
        bare.store().tags().await.expect_err("refused").kind(),
        Kind::Denied
    );
    assert_eq!(bare.asked().len(), 2);
    let forbidden = Server::start(|_| Answer::error(403, "DENIED")).await;
    let store = forbidden.store_with(password(&forbidden), retries());
    assert_eq!(
        store.tags().await.expect_err("refused").kind(),
        Kind::Denied
    );
    assert_eq!(forbidden.asked().len(), 1);
}

#[tokio::test]
async fn one_stray_401_is_survived() {
    let asked_before = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked_before.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(401, ""),
        _ => tags(),
    });
    server.await.store().tags().await.expect("allowed");
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let endpoint = Server::start(|asked: &Asked| {
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        assert!(
            asked.is("POST", "/token") && form.contains("grant_type=refresh_token"),
            "{asked:?}"
        );
        assert!(
            form.contains("refresh_token=id%2F1&")
                && form.contains("scope=repository%3Aapp%3Apull"),
            "{form}"
        );
        Answer::new(200, r#"{"access_token":"exchanged"}"#)
    });
    let endpoint = endpoint.await;
    let realm = endpoint.url("/token");
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some("Bearer exchanged") => tags(),
        _ => challenge(&format!("Bearer realm=\"{realm}\",service=\"s\"")),
    });
    let server = server.await;
    let identity = Credential::IdentityToken(Secret::new("id/1"));
    server
        .store_with(Fixed::new(&server.host, identity), retries())
        .tags()
        .await
        .expect("allowed");
}

#[tokio::test]
async fn a_token_endpoint_in_trouble_is_tried_again() {
    let asked_before = AtomicUsize::new(0);
    let endpoint = Server::start(move |_| match asked_before.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(503, ""),
        1 => Answer::new(200, r#"{"token":"t"}"#).cut_after(4),
        _ => Answer::new(200, r#"{"token":"t"}"#),
    });
    let realm = endpoint.await.url("/token");
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some("Bearer t") => tags(),
        _ => challenge(&format!("Bearer realm=\"{realm}\"")),
    });
    server.await.store().tags().await.expect("allowed");
}

#[tokio::test]
async fn a_token_answer_without_bounds_is_not_read() {
    let endpoint = Server::start(|_| Answer::new(200, vec![b' '; 1 << 20])).await;
    let realm = endpoint.url("/token");
    let server = Server::start(move |_| challenge(&format!("Bearer realm=\"{realm}\""))).await;
    let error = server.store().tags().await.expect_err("too large");
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

/// Amazon ECR's way: a ready-made token, and another one when asked anew.
#[derive(Default)]
struct Ready(AtomicUsize);

impl Credentials for Ready {
    fn get<'a>(
        &'a self,
        _: &'a str,
        freshness: Freshness,
    ) -> Pending<'a, Result<Credential, CredentialsError>> {
        let number = match freshness {
            Freshness::Any => self.0.load(Ordering::SeqCst),
            Freshness::Renewed => self.0.fetch_add(1, Ordering::SeqCst) + 1,
        };
        let token = Credential::BasicToken(Secret::new(format!("ready{number}")));
        Box::pin(std::future::ready(Ok(token)))
    }
}

#[tokio::test]
async fn a_ready_made_token_is_sent_at_once_and_renewed_once() {
    // A challenge for something else changes nothing: there is no token endpoint behind this one.
    let refuse = || challenge("Bearer realm=\"http://127.0.0.1:1/token\"");
    let expired = || Answer::error(403, "DENIED");
    for refused in [refuse(), expired()] {
        let server = Server::start(move |asked| match asked.header("authorization") {
            Some("Basic ready1") => tags(),
            _ => refused.clone(),
        });
        let server = server.await;
        server
            .store_with(Ready::default(), retries())
            .tags()
            .await
            .expect("renewed");
        let sent = ["Basic ready0", "Basic ready1"].map(|text| Some(text.to_owned()));
        assert_eq!(authorizations(&server), sent);
    }
    let server = Server::start(move |_| expired()).await;
    let error = server
        .store_with(Ready::default(), retries())
        .tags()
        .await
        .expect_err("refused");
    assert_eq!((error.kind(), server.asked().len()), (Kind::Denied, 2));
}

#[tokio::test]
async fn a_redirect_to_another_host_gets_no_authorization() {
    let storage = Server::start(|asked| Answer::ranged(asked, b"hello")).await;
    let location = storage.url("/k?X-Amz-Signature=1");
    let server = Server::start(move |asked| match asked.header("authorization") {
        Some("Basic ready0") => Answer::redirect(&location),
        other => panic!("{other:?}"),
    });
    let server = server.await;
    let blob = Descriptor::new("", Digest::of(b"hello"), 5);
    let store = server.store_with(Ready::default(), retries());
    store
        .blob(&blob)
        .await
        .expect("open")
        .read_whole(5)
        .await
        .expect("read");
    assert_eq!(authorizations(&storage), [None]);
}

#[tokio::test]
async fn a_way_back_from_another_host_gets_no_authorization_either() {
    let registry = Arc::new(std::sync::OnceLock::<String>::new());
    let back = registry.clone();
    let elsewhere = Server::start(move |_| Answer::redirect(back.get().expect("known"))).await;
    let away = elsewhere.url("/away");
    let server = Server::start(move |asked| match asked.path.as_str() {
        "/back" => tags(),
        _ => Answer::redirect(&away),
    });
    let server = server.await;
    registry.set(server.url("/back")).expect("set once");
    server
        .store_with(Ready::default(), retries())
        .tags()
        .await
        .expect("a list");
    assert_eq!(
        authorizations(&server),
        [Some("Basic ready0".to_owned()), None]
    );
}

#[tokio::test]
async fn a_redirect_within_the_registry_keeps_it() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/moved" => tags(),
        _ => Answer::redirect("/moved"),
    });
    let server = server.await;
    server
        .store_with(Ready::default(), retries())
        .tags()
        .await
        .expect("a list");
    assert!(
        authorizations(&server)
            .iter()
            .all(|header| header.as_deref() == Some("Basic ready0"))
    );
}

#[tokio::test]
async fn no_secret_reaches_an_error() {
    let server = Server::start(|asked| {
        let sent = asked.header("authorization").unwrap_or_default().to_owned();
        let body = format!(r#"{{"errors":[{{"code":"NOPE","message":"you sent {sent}"}}]}}"#);
        Answer::new(400, body).with("x-echo", sent)
    });
    let server = server.await;
    let token = "c2VjcmV0".repeat(20);
    let fixed = Fixed::new(&server.host, Credential::BasicToken(Secret::new(&token)));
    let shown = format!("{fixed:?}");
    let store = server.store_with(fixed, retries());
    let tag = Target::Tag(Tag::new("1").expect("a tag"));
    let error = store.manifest(&tag).await.expect_err("refused");
    for text in [shown, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("c2VjcmV0"), "{text}");
    }
}

/// Servers that repeat a request, in a word of its own or within others.
#[tokio::test]
async fn short_credentials_reach_no_error_either() {
    let echo = |asked: &Asked| {
        let sent = asked.header("authorization").unwrap_or_default();
        let form = String::from_utf8_lossy(&asked.body).into_owned();
        let told = format!("you sent {sent} {form}, that is me:pass, so pass is wrong");
        let body = format!(r#"{{"errors":[{{"code":"NOPE","message":"{told}"}}]}}"#);
        Answer::new(403, body)
    };
    let endpoint = Server::start(echo).await;
    let bearer = format!("Bearer realm=\"{}\"", endpoint.url("/token"));
    for (scheme, credential) in [
        ("Basic realm=\"r\"", None),
        (bearer.as_str(), None),
        (bearer.as_str(), Some(Secret::new("pass"))),
    ] {
        let wanted = scheme.to_owned();
        let server = Server::start(move |asked| match asked.header("authorization") {
            Some(_) => echo(asked),
            None => challenge(&wanted),
        });
        let server = server.await;
        let credentials = match credential {
            Some(token) => Fixed::new(&server.host, Credential::IdentityToken(token)),
            None => password(&server),
        };
        let store = server.store_with(credentials, retries());
        let error = store.tags().await.expect_err("refused");
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(text.contains("NOPE"), "{text}");
            assert!(text.contains("you sent"), "{text}");
            assert!(!text.contains("pass"), "{text}");
            assert!(!text.contains("bWU6cGFzcw"), "{text}");
        }
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_say_why() {
    struct Broken;
    impl Credentials for Broken {
        fn get<'a>(
            &'a self,
            _: &'a str,
            _: Freshness,
        ) -> Pending<'a, Result<Credential, CredentialsError>> {
            let source = "the service said no".into();
            Box::pin(std::future::ready(Err(CredentialsError::Source {
                kind: Kind::Denied,
                source,
            })))
        }
    }
    let server = Server::start(|_| panic!("nothing should be asked")).await;
    let error = server
        .store_with(Broken, retries())
        .tags()
        .await
        .expect_err("none");
    assert_eq!(error.kind(), Kind::Denied);
    assert_eq!(
        error.to_string(),
        "cannot get credentials: the service said no"
    );
}
