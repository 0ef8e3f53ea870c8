//! Writing to a registry: looked up first, sent in one piece, converging whatever the answers say.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use soci_registry::{
    Content, Descriptor, Digest, Error, Kind, Listing, Manifest, OCI_MANIFEST, Pushed, Store, Tag,
};
use support::{Answer, Asked, Server};

const UPLOADS: &str = "/v2/app/blobs/uploads/";

fn blob(content: &Bytes) -> Descriptor {
    Descriptor::new(
        "application/octet-stream",
        Digest::of(content),
        content.len() as u64,
    )
}

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

fn absent_until(asked: &Asked, present: bool) -> Option<Answer> {
    (asked.method == "HEAD").then(|| Answer::new(if present { 200 } else { 404 }, ""))
}

#[tokio::test]
async fn a_blob_is_one_post_and_one_put() {
    for location in ["/v2/app/blobs/uploads/1?_state=a%3D", "1?_state=a%3D"] {
        let server = Server::start(move |asked| match asked.method.as_str() {
            "HEAD" => Answer::new(404, ""),
            "POST" => Answer::new(202, "").with("location", location),
            "PUT" => Answer::new(201, ""),
            other => panic!("{other}"),
        });
        let server = server.await;
        let pieces = vec![Bytes::from_static(b"he"), Bytes::from_static(b"llo")];
        let blob = blob(&Bytes::from_static(b"hello"));
        assert_eq!(
            server
                .store()
                .push_blob(&blob, &pieces)
                .await
                .expect("stored"),
            Pushed::Stored
        );
        let asked = server.asked();
        assert_eq!(
            asked
                .iter()
                .map(|asked| asked.method.as_str())
                .collect::<Vec<_>>(),
            ["HEAD", "POST", "PUT"]
        );
        assert!(asked[1].is("POST", UPLOADS));
        assert_eq!(asked[1].header("content-length"), Some("0"));
        let digest = blob.digest.hex();
        assert_eq!(
            asked[2].path,
            format!("{UPLOADS}1?_state=a%3D&digest=sha256%3A{digest}")
        );
        assert_eq!(
            asked[2].header("content-type"),
            Some("application/octet-stream")
        );
        assert_eq!(asked[2].header("content-length"), Some("5"));
        assert_eq!(asked[2].header("transfer-encoding"), None);
        assert_eq!(asked[2].body, b"hello");
    }
}

#[tokio::test]
async fn an_empty_blob_can_be_stored() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => Answer::new(202, "").with("location", "1"),
        _ => Answer::new(201, ""),
    });
    let server = server.await;
    let nothing = Bytes::new();
    server
        .store()
        .push_blob(&blob(&nothing), &nothing)
        .await
        .expect("stored");
    assert_eq!(server.asked()[2].header("content-length"), Some("0"));
}

#[tokio::test]
async fn what_is_there_is_not_uploaded() {
    let server = Server::start(|asked| absent_until(asked, true).expect("only a look")).await;
    let content = Bytes::from_static(b"hello");
    let pushed = server.store().push_blob(&blob(&content), &content).await;
    assert_eq!(pushed.expect("there"), Pushed::AlreadyThere);
}

#[tokio::test]
async fn a_put_that_was_stored_although_it_failed_converges() {
    let puts = AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" => Answer::new(
            if puts.load(Ordering::SeqCst) > 0 {
                200
            } else {
                404
            },
            "",
        ),
        "POST" => Answer::new(202, "").with("location", "1"),
        _ => {
            puts.fetch_add(1, Ordering::SeqCst);
            Answer::new(500, "")
        }
    });
    let server = server.await;
    let content = Bytes::from_static(b"hello");
    let pushed = server.store().push_blob(&blob(&content), &content).await;
    assert_eq!(pushed.expect("converges"), Pushed::AlreadyThere);
    assert_eq!((server.count("POST", ""), server.count("PUT", "")), (1, 1));
}

/// Content that counts how often it is read.
struct Counted(AtomicUsize);

impl Content for Counted {
    fn chunks(&self) -> Box<dyn Iterator<Item = Bytes> + Send + '_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::new((0..4).map(|n| Bytes::from(vec![n; 250_000])))
    }
}

#[tokio::test]
async fn content_is_read_again_for_another_try() {
    let whole: Bytes = Counted(AtomicUsize::new(0)).chunks().flatten().collect();
    let blob = blob(&whole);
    let puts = AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "POST" => Answer::new(202, "").with("location", "1"),
        _ if puts.fetch_add(1, Ordering::SeqCst) == 0 => Answer::hang_up(),
        _ => Answer::new(if asked.body == whole { 201 } else { 400 }, ""),
    });
    let content = Counted(AtomicUsize::new(0));
    let pushed = server.await.store().push_blob(&blob, &content).await;
    assert_eq!(pushed.expect("stored"), Pushed::Stored);
    assert_eq!(content.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_upload_to_another_host_carries_no_credentials() {
    let storage = Server::start(|_| Answer::new(201, "")).await;
    let location = storage.url("/u?sig=1");
    let server = Server::start(move |asked| match asked.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        _ => Answer::new(202, "").with("location", &location),
    });
    let server = server.await;
    let token = soci_registry::Credential::BasicToken(soci_registry::Secret::new("dG9rZW4="));
    let store = server.store_with(
        soci_registry::Fixed::new(&server.host, token),
        support::retries(),
    );
    let content = Bytes::from_static(b"hello");
    store
        .push_blob(&blob(&content), &content)
        .await
        .expect("stored");
    assert_eq!(
        server.asked()[1].header("authorization"),
        Some("Basic dG9rZW4=")
    );
    assert_eq!(storage.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn a_missing_repository_that_hangs_up_is_found_out() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "HEAD" => Answer::new(404, ""),
        "GET" => Answer::error(404, "NAME_UNKNOWN"),
        _ => Answer::hang_up(),
    });
    let server = server.await;
    let content = Bytes::from_static(b"hello");
    let error = server
        .store()
        .push_blob(&blob(&content), &content)
        .await
        .expect_err("no repository");
    assert_eq!(error.kind(), Kind::NotFound, "{error}");
    assert_eq!(server.count("POST", ""), 4);
}

fn manifest() -> Manifest {
    Manifest::new(OCI_MANIFEST, "{ \"layers\": [] }")
}

#[tokio::test]
async fn a_manifest_is_sent_byte_for_byte() {
    let server =
        Server::start(|asked| absent_until(asked, false).unwrap_or(Answer::new(201, ""))).await;
    let store = server.store();
    assert_eq!(
        store
            .push_manifest(&manifest(), Listing::Tag(&tag("1-soci")))
            .await
            .expect("stored"),
        Pushed::Stored
    );
    assert_eq!(
        store
            .push_manifest(&manifest(), Listing::Untagged)
            .await
            .expect("stored"),
        Pushed::Stored
    );
    let puts: Vec<_> = server
        .asked()
        .into_iter()
        .filter(|asked| asked.method == "PUT")
        .collect();
    assert_eq!(puts[0].path, "/v2/app/manifests/1-soci");
    assert_eq!(
        puts[1].path,
        format!("/v2/app/manifests/{}", manifest().digest())
    );
    for put in puts {
        assert_eq!(put.body, manifest().bytes()[..]);
        assert_eq!(put.header("content-type"), Some(OCI_MANIFEST));
    }
}

fn held(manifest: &Manifest) -> Answer {
    Answer::new(200, manifest.bytes().to_vec())
        .with("content-type", manifest.media_type())
        .with("docker-content-digest", manifest.digest())
}

#[tokio::test]
async fn an_equal_tag_is_not_written() {
    let server = Server::start(|_| held(&manifest())).await;
    let pushed = server
        .store()
        .push_manifest(&manifest(), Listing::Tag(&tag("1")))
        .await;
    assert_eq!(pushed.expect("there"), Pushed::AlreadyThere);
    assert_eq!(server.count("PUT", ""), 0);
}

#[tokio::test]
async fn an_immutable_tag_is_final_unless_it_holds_the_same() {
    let refuse = || Answer::error(400, "TAG_INVALID");
    let other = Manifest::new(OCI_MANIFEST, "{\"layers\":[1]}");
    let server = Server::start(move |asked| {
        if asked.method == "PUT" {
            refuse()
        } else {
            held(&other)
        }
    })
    .await;
    let error = server
        .store()
        .push_manifest(&manifest(), Listing::Tag(&tag("1")))
        .await
        .expect_err("taken");
    assert_eq!(
        (error.kind(), error.is_transient()),
        (Kind::ImmutableTag, false)
    );
    assert_eq!(server.count("PUT", ""), 1);
    // Somebody else writes the same between the look and the PUT.
    let looks = AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "PUT" => refuse(),
        _ if looks.fetch_add(1, Ordering::SeqCst) == 0 => Answer::new(404, ""),
        _ => held(&manifest()),
    });
    let pushed = server
        .await
        .store()
        .push_manifest(&manifest(), Listing::Tag(&tag("1")))
        .await;
    assert_eq!(pushed.expect("the same"), Pushed::AlreadyThere);
}

#[tokio::test]
async fn an_immutable_tag_that_cannot_be_looked_at_again_is_left_for_later() {
    let refused = Arc::new(AtomicBool::new(false));
    let server = Server::start(move |asked| match asked.method.as_str() {
        "PUT" => {
            refused.store(true, Ordering::SeqCst);
            Answer::error(400, "TAG_INVALID")
        }
        _ if refused.load(Ordering::SeqCst) => Answer::new(503, ""),
        _ => Answer::new(404, ""),
    });
    let server = server.await;
    let store = server.store();
    let tag = tag("1");
    let manifest = manifest();
    let pushed = store.push_manifest(&manifest, Listing::Tag(&tag)).await;
    let error = pushed.expect_err("nobody knows what it holds");
    assert_eq!(error.kind(), Kind::Transient, "{error}");
    assert_eq!(server.count("PUT", ""), 1);
}

#[tokio::test]
async fn a_registry_that_stores_something_else_is_caught() {
    let server = Server::start(|asked| {
        absent_until(asked, false).unwrap_or_else(|| {
            Answer::new(201, "").with("docker-content-digest", Digest::of(b"other"))
        })
    });
    let error = server
        .await
        .store()
        .push_manifest(&manifest(), Listing::Tag(&tag("1")))
        .await;
    assert_eq!(
        error.expect_err("another digest").kind(),
        Kind::DigestMismatch
    );
}

#[tokio::test]
async fn refusals_keep_their_kind() {
    for (status, code, kind, puts) in [
        (400, "KMS_EXCEPTION", Kind::Kms, 1),
        (400, "LIMIT_EXCEEDED", Kind::Quota, 1),
        (404, "NAME_UNKNOWN", Kind::NotFound, 1),
        (403, "DENIED", Kind::Denied, 1),
        (429, "TOOMANYREQUESTS", Kind::Throttled, 4),
        (500, "UNKNOWN", Kind::Transient, 4),
    ] {
        let server = Server::start(move |asked| {
            absent_until(asked, false).unwrap_or_else(|| Answer::error(status, code))
        });
        let server = server.await;
        let error = server
            .store()
            .push_manifest(&manifest(), Listing::Digest)
            .await
            .expect_err(code);
        assert_eq!(
            (error.kind(), server.count("PUT", "")),
            (kind, puts),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_name_that_only_layouts_have_is_refused_before_any_request() {
    let server = Server::start(|_| panic!("nothing should be asked")).await;
    let wide = Tag::in_layout("q.io/a:1").expect("a name");
    let error = server
        .store()
        .push_manifest(&manifest(), Listing::Tag(&wide))
        .await
        .expect_err("refused");
    assert!(matches!(error, Error::NotForRegistries { .. }), "{error}");
}
