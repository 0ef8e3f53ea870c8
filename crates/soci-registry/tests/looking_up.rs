//! Manifests and lists from a registry that misbehaves: right, or an error that says what was wrong.

mod support;

use soci_registry::{
    ConnectionFailure, Digest, Error, Kind, OCI_MANIFEST, ProtocolFault, Store, Tag, Target,
};
use support::{Answer, Server};

#[tokio::test]
async fn manifests_are_handed_out_byte_for_byte() {
    let text = "{ \"layers\": [],\n  \"odd\" : 1 }";
    let digest = Digest::of(text.as_bytes());
    let server = Server::start(move |_| {
        Answer::new(200, text)
            .with("content-type", OCI_MANIFEST)
            .with("docker-content-digest", digest)
    });
    let server = server.await;
    let tag = Target::Tag(Tag::new("1").expect("a tag"));
    let manifest = server.store().manifest(&tag).await.expect("a manifest");
    assert_eq!(
        (manifest.bytes().as_ref(), manifest.digest()),
        (text.as_bytes(), digest)
    );
    let found = server.store().resolve(&tag).await.expect("a descriptor");
    assert_eq!(found, manifest.descriptor());
    assert_eq!(
        (
            server.count("GET", "/manifests/1"),
            server.count("HEAD", "/manifests/1")
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_manifest_that_is_another_is_a_mismatch() {
    let other = Digest::of(b"other");
    let server = Server::start(|_| Answer::new(200, "{\"layers\":[]}")).await;
    let error = server
        .store()
        .manifest(&Target::Digest(other))
        .await
        .expect_err("another");
    assert_eq!(error.kind(), Kind::DigestMismatch);
    assert_eq!(server.asked().len(), 2, "it is looked at once more");
    let lying = Server::start(move |_| {
        Answer::new(200, "{\"layers\":[]}").with("docker-content-digest", other)
    })
    .await;
    let error = lying
        .store()
        .manifest(&Target::Tag(Tag::new("1").expect("a tag")))
        .await
        .expect_err("a lie");
    assert_eq!(error.kind(), Kind::DigestMismatch);
}

#[tokio::test]
async fn a_manifest_of_five_megabytes_is_not_read() {
    let server = Server::start(|_| Answer::new(200, vec![b' '; 5 << 20])).await;
    let error = server
        .store()
        .manifest(&Target::Tag(Tag::new("1").expect("a tag")))
        .await
        .expect_err("too large");
    assert_eq!(error.kind(), Kind::InvalidImage);
    assert_eq!(
        error.to_string(),
        "manifest is larger than the limit of 4194304 bytes"
    );
}

#[tokio::test]
async fn nobody_there_is_transient_and_names_the_reason() {
    let port = Server::start(|_| Answer::hang_up()).await;
    let error = port.store().tags().await.expect_err("hangs up");
    assert_eq!((error.kind(), port.asked().len()), (Kind::Transient, 4));
    let server = Server::nobody();
    let error = server.store().tags().await.expect_err("closed");
    assert!(
        matches!(
            error,
            Error::Connection {
                failure: ConnectionFailure::Connect(_),
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn tags_come_in_pages() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/v2/app/tags/list" => Answer::new(200, r#"{"name":"app","tags":["a","b"]}"#)
            .with("link", "</v2/app/tags/list?last=b&n=2>; rel=\"next\""),
        "/v2/app/tags/list?last=b&n=2" => Answer::new(200, r#"{"tags":null}"#),
        other => panic!("{other}"),
    });
    let tags = server.await.store().tags().await.expect("tags");
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b"]);
}

#[tokio::test]
async fn referrers_come_from_the_api_or_from_a_tag() {
    let subject = Digest::of(b"subject");
    let list = |kind: &str| {
        let digest = Digest::of(kind.as_bytes());
        format!(
            r#"{{"manifests":[{{"digest":"{digest}","size":1,"artifactType":"{kind}"}},{{"digest":"{subject}","size":1}}]}}"#
        )
    };
    let (api, tag) = (list("a/api"), list("a/tag"));
    let with_api = Server::start(move |asked| {
        assert!(
            asked.path.ends_with("?artifactType=a%2Fapi"),
            "{}",
            asked.path
        );
        Answer::new(200, api.clone())
    });
    let found = with_api
        .await
        .store()
        .referrers(&subject, Some("a/api"))
        .await
        .expect("a list");
    assert_eq!(found.len(), 1, "filtered on our side too");
    let without = Server::start(
        move |asked| match asked.path.contains("/manifests/sha256-") {
            true => Answer::new(200, tag.clone()),
            false => Answer::new(404, "404 page not found"),
        },
    );
    let found = without
        .await
        .store()
        .referrers(&subject, Some("a/tag"))
        .await
        .expect("a list");
    assert_eq!(found[0].digest, Digest::of(b"a/tag"));
    let neither = Server::start(|_| Answer::new(404, "")).await;
    assert_eq!(
        neither
            .store()
            .referrers(&subject, None)
            .await
            .expect("a list"),
        []
    );
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up() {
    let server = Server::start(|asked| {
        Answer::new(200, r#"{"tags":["a"]}"#).with("link", format!("<{}>; rel=next", asked.path))
    });
    let server = server.await;
    let error = server.store().tags().await.expect_err("no end");
    assert!(
        matches!(
            error,
            Error::Protocol {
                fault: ProtocolFault::Endless { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 1_000);
}

#[tokio::test]
async fn a_list_of_long_pages_is_given_up() {
    let padding = "x".repeat(4_000_000);
    let page = format!(r#"{{"tags":["a"],"padding":"{padding}"}}"#);
    let server = Server::start(move |asked| {
        Answer::new(200, page.clone()).with("link", format!("<{}>; rel=next", asked.path))
    });
    let server = server.await;
    let error = server.store().tags().await.expect_err("too long");
    assert!(
        matches!(
            error,
            Error::Protocol {
                fault: ProtocolFault::LongList { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(server.asked().len(), 17, "of 4 MB each, 64 MiB are read");
}

#[tokio::test]
async fn a_list_does_not_lead_to_another_host() {
    let server = Server::start(|_| {
        Answer::new(200, r#"{"tags":["a"]}"#).with("link", "<http://127.0.0.1:1/>; rel=next")
    });
    let error = server.await.store().tags().await.expect_err("not whole");
    assert!(
        matches!(
            error,
            Error::Protocol {
                fault: ProtocolFault::NextPage,
                ..
            }
        ),
        "{error}"
    );
}
