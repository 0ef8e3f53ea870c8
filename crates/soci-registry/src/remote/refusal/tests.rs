//! Which answers mean what.

use super::*;
use crate::transport::Url;

fn refusal(action: Action, status: u16, body: &str) -> Refusal {
    let url = Url::parse("https://r.example/v2/a/manifests/1?token=secret").expect("valid");
    let status = StatusCode::from_u16(status).expect("a status");
    Refusal::new(
        Request { action, url },
        status,
        &HeaderMap::new(),
        body.as_bytes(),
        false,
        &Confidential::Nothing,
    )
}

fn coded(action: Action, status: u16, code: &str) -> Kind {
    refusal(
        action,
        status,
        &format!(r#"{{"errors":[{{"code":"{code}","message":"m"}}]}}"#),
    )
    .kind()
}

#[test]
fn the_code_decides_before_the_status() {
    use Action::{PushBlob, PushManifest, ReadManifest};
    for (action, status, code, kind) in [
        (ReadManifest, 403, "TOOMANYREQUESTS", Kind::Throttled),
        (PushManifest, 400, "TAG_INVALID", Kind::ImmutableTag),
        (
            PushManifest,
            400,
            "ImageTagAlreadyExistsException",
            Kind::ImmutableTag,
        ),
        (
            PushManifest,
            400,
            "ImageAlreadyExistsException",
            Kind::ImmutableTag,
        ),
        (ReadManifest, 400, "TAG_INVALID", Kind::Configuration),
        (ReadManifest, 429, "DENIED", Kind::Throttled),
        (PushManifest, 429, "QUOTA_EXCEEDED", Kind::Throttled),
        (PushManifest, 400, "RequestLimitExceeded", Kind::Throttled),
        (PushManifest, 404, "NAME_UNKNOWN", Kind::NotFound),
        (ReadManifest, 400, "MANIFEST_UNKNOWN", Kind::NotFound),
        (PushManifest, 400, "DENIED", Kind::Denied),
        (PushBlob, 400, "KmsException", Kind::Kms),
        (PushBlob, 400, "KMS_ERROR", Kind::Kms),
        (PushManifest, 400, "LimitExceededException", Kind::Quota),
        (PushBlob, 403, "QUOTA_EXCEEDED", Kind::Quota),
        (PushBlob, 404, "BLOB_UPLOAD_UNKNOWN", Kind::Transient),
        (PushManifest, 400, "MANIFEST_INVALID", Kind::InvalidImage),
        (ReadManifest, 400, "DIGEST_INVALID", Kind::DigestMismatch),
        (PushBlob, 400, "DIGEST_INVALID", Kind::Transient),
        (PushManifest, 400, "DIGEST_INVALID", Kind::Transient),
        (PushManifest, 400, "MANIFEST_BLOB_UNKNOWN", Kind::NotFound),
        (ReadManifest, 503, "UNKNOWN", Kind::Transient),
    ] {
        assert_eq!(coded(action, status, code), kind, "{status} {code}");
    }
}

/// What Debian's docker-registry 2.8.2 answers to a manifest while another job writes the links of its blobs anew.
#[test]
fn a_link_that_is_being_written_is_no_blob_that_is_missing() {
    let body = r#"{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match uploaded content"},
        {"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}"#;
    let refusal = refusal(Action::PushManifest, 400, body);
    assert_eq!(refusal.kind(), Kind::Transient);
}

#[test]
fn a_manifest_may_miss_what_it_names() {
    for (action, code, misses) in [
        (Action::PushManifest, "LAYERS_NOT_FOUND", true),
        (Action::PushManifest, "LayersNotFoundException", true),
        (Action::PushManifest, "MANIFEST_BLOB_UNKNOWN", true),
        (Action::PushManifest, "MANIFEST_UNKNOWN", true),
        (
            Action::PushManifest,
            "ReferencedImagesNotFoundException",
            true,
        ),
        (Action::PushManifest, "NAME_UNKNOWN", false),
        (Action::PushManifest, "DENIED", false),
        (Action::ReadManifest, "MANIFEST_UNKNOWN", false),
        (Action::PushBlob, "BLOB_UNKNOWN", false),
    ] {
        let body = format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#);
        let refusal = refusal(action, 400, &body);
        assert_eq!(refusal.misses_parts(), misses, "{code}");
    }
}

#[test]
fn without_a_code_the_status_decides() {
    for (status, kind) in [
        (401, Kind::Denied),
        (403, Kind::Denied),
        (404, Kind::NotFound),
        (408, Kind::Transient),
        (425, Kind::Transient),
        (429, Kind::Throttled),
        (500, Kind::Transient),
        (501, Kind::Configuration),
        (503, Kind::Transient),
        (507, Kind::Quota),
        (418, Kind::Configuration),
    ] {
        assert_eq!(
            refusal(Action::ReadManifest, status, "<html>no</html>").kind(),
            kind,
            "{status}"
        );
    }
}

#[test]
fn a_message_decides_nothing() {
    let body =
        r#"{"errors":[{"code":"UNKNOWN","message":"toomanyrequests: quota, denied, not found"}]}"#;
    assert_eq!(
        refusal(Action::ReadManifest, 400, body).kind(),
        Kind::Configuration
    );
}

#[test]
fn shows_what_happened_and_no_secret() {
    let token = "x".repeat(500);
    let message =
        format!("no\\u001b[31m token {token} at https://b/k?sig=hunter2 https://u:hunter2@b/");
    let body = format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#);
    let shown = refusal(Action::ReadManifest, 403, &body).to_string();
    assert_eq!(
        shown,
        "reading the manifest at https://r.example/v2/a/manifests/1: 403 Forbidden, \
         DENIED: no [31m token […] at https://b/k […]"
    );
}

#[test]
fn an_answer_is_told_shortly() {
    let entry = format!(r#"{{"code":"A","message":"{}"}}"#, "word ".repeat(10_000));
    let body = format!(r#"{{"errors":[{}]}}"#, vec![entry; 20].join(","));
    let refusal = refusal(Action::ReadManifest, 400, &body);
    assert_eq!(refusal.diagnostics().len(), DIAGNOSTICS);
    assert!(refusal.to_string().len() < 2_000);
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let after = |text: &str| {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().expect("a header"))]);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&headers, now)
    };
    assert_eq!(after("7"), Some(Duration::from_secs(7)));
    assert_eq!(
        after("Sun, 06 Nov 1994 08:49:39 GMT"),
        Some(Duration::from_secs(2))
    );
    assert_eq!(after("Sun, 06 Nov 1994 08:49:30 GMT"), Some(Duration::ZERO));
    assert_eq!(after("soon"), None);
}
