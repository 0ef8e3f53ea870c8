//! What requests are answered with: responses, and refusals in the form that distribution-spec 1.1 gives errors.

use std::fmt;
use std::io;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response};
use serde_json::{Value, json};

use super::body::Body;

pub(super) type Answer = Result<Response<Body>, Refusal>;

/// The specification's codes of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooManyRequests,
    Unsupported,
}

impl Code {
    fn as_str(self) -> &'static str {
        match self {
            Code::BlobUnknown => "BLOB_UNKNOWN",
            Code::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Code::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Code::Denied => "DENIED",
            Code::DigestInvalid => "DIGEST_INVALID",
            Code::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Code::ManifestInvalid => "MANIFEST_INVALID",
            Code::ManifestUnknown => "MANIFEST_UNKNOWN",
            Code::NameInvalid => "NAME_INVALID",
            Code::NameUnknown => "NAME_UNKNOWN",
            Code::SizeInvalid => "SIZE_INVALID",
            Code::TooManyRequests => "TOOMANYREQUESTS",
            Code::Unsupported => "UNSUPPORTED",
        }
    }
}

/// Why a request is not served.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: Code,
    why: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: Code, why: impl Into<String>) -> Refusal {
        let why = why.into();
        Refusal { status, code, why }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let error = json!({"code": self.code.as_str(), "message": self.why});
        let mut response = json(self.status, &json!({"errors": [error]}));
        if self.status == 429 {
            let headers = response.headers_mut();
            headers.insert("retry-after", HeaderValue::from_static("1"));
        }
        response
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code.as_str(), self.why)
    }
}

/// Files that cannot be written or read. A full disk is nothing that goes away by trying again.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refusal::new(
                413,
                Code::SizeInvalid,
                format!("{error}: free some space or set TMPDIR to a folder that has more"),
            ),
            _ => Refusal::new(500, Code::Denied, format!("its files: {error}")),
        }
    }
}

/// A response without content.
pub(super) fn empty(status: u16) -> Response<Body> {
    with_body(status, Body::of(Bytes::new()), 0)
}

pub(super) fn json(status: u16, value: &Value) -> Response<Body> {
    bytes(status, "application/json", value.to_string().into())
}

pub(super) fn bytes(status: u16, media_type: &str, bytes: Bytes) -> Response<Body> {
    let length = bytes.len() as u64;
    let mut response = with_body(status, Body::of(bytes), length);
    set(&mut response, CONTENT_TYPE, media_type);
    response
}

pub(super) fn with_body(status: u16, body: Body, length: u64) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().expect("statuses are constants");
    // No content is not the same as content of no length (RFC 9110 §8.6).
    if status != 204 {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response
}

/// Sets a header, unless no header can have this text.
pub(super) fn set(response: &mut Response<Body>, name: HeaderName, value: impl AsRef<str>) {
    if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
        response.headers_mut().insert(name, value);
    }
}

pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
