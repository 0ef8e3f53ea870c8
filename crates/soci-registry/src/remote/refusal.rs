//! What a registry means when it says no.
//!
//! The verdict comes from the status and the machine-readable `code`, never from the message: messages change with every
//! version of a registry, and builders that matched on them took throttling for success. The message is kept for people,
//! cut and cleaned, because servers have been seen to repeat what they were sent.

use std::fmt;
use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::confidential::{Confidential, TAKEN_OUT};
use crate::error::{Action, Request};
use crate::kind::Kind;

/// Diagnostics of one answer that are kept; registries send one.
const DIAGNOSTICS: usize = 4;

/// Characters of a message that are kept.
const MESSAGE_CHARS: usize = 300;

/// Characters of a word that are shown: longer than a digest is a token.
const WORD_CHARS: usize = 80;

/// An answer with an error's status.
#[derive(Debug, Clone)]
pub struct Refusal {
    request: Request,
    status: StatusCode,
    diagnostics: Vec<Diagnostic>,
    retry_after: Option<Duration>,
    by_redirect_target: bool,
}

/// One entry of a registry's error document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Machine-readable, such as `NAME_UNKNOWN`.
    pub code: String,
    /// For people, cleaned.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(
        request: Request,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        by_redirect_target: bool,
        sent: &Confidential,
    ) -> Refusal {
        Refusal {
            request,
            status,
            diagnostics: diagnostics(body, sent),
            retry_after: retry_after(headers, SystemTime::now()),
            by_redirect_target,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the registry said.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// How long the server wants to be left alone.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether it came not from the registry but from a host to which the registry had sent us.
    #[must_use]
    pub fn by_redirect_target(&self) -> bool {
        self.by_redirect_target
    }

    /// Whether a manifest was refused because the repository does not have something that the manifest names.
    pub(crate) fn misses_parts(&self) -> bool {
        let names_part = |found: &Diagnostic| MISSING_PARTS.contains(&bare(&found.code).as_str());
        self.request.action == Action::PushManifest
            && self.kind() == Kind::NotFound
            && self.diagnostics.iter().any(names_part)
    }

    /// Whether this is how a server of https answers to http: a bare 400, for which each has words of its own.
    fn may_want_https(&self) -> bool {
        let is_bare = self.diagnostics.is_empty() && self.status == StatusCode::BAD_REQUEST;
        is_bare && !self.request.url.is_https()
    }

    /// The failure's kind in the closed list.
    #[must_use]
    pub fn kind(&self) -> Kind {
        // It has one meaning only, whatever code comes with it: a quota of requests is not one of images.
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            return Kind::Throttled;
        }
        let action = self.request.action;
        let by_code = self
            .diagnostics
            .iter()
            .find_map(|found| by_code(&found.code, action));
        // A server in trouble is in trouble whatever else it says, unless what it says is more exact.
        by_code.unwrap_or_else(|| by_status(self.status, action == Action::PushManifest))
    }
}

/// Codes of a manifest that names blobs or manifests which the repository does not have. Docker's registry has one for both.
const MISSING_PARTS: [&str; 5] = [
    "MANIFESTBLOBUNKNOWN",
    "BLOBUNKNOWN",
    "MANIFESTUNKNOWN",
    "LAYERSNOTFOUND",
    "REFERENCEDIMAGESNOTFOUND",
];

/// A code without case, underscores and what the API's names end with, because ECR's API has `LimitExceededException` where its registry may
/// have `LIMIT_EXCEEDED`.
fn bare(code: &str) -> String {
    let letters = code.chars().filter(|c| *c != '_');
    let word: String = letters.map(|c| c.to_ascii_uppercase()).collect();
    match word.strip_suffix("EXCEPTION") {
        Some(bare) => bare.to_owned(),
        None => word,
    }
}

/// distribution-spec 1.1, "Error Codes", with those that Amazon ECR and others add.
fn by_code(code: &str, action: Action) -> Option<Kind> {
    let writes_manifest = action == Action::PushManifest;
    let writes = writes_manifest || action == Action::PushBlob;
    let word = bare(code);
    match word.as_str() {
        "TOOMANYREQUESTS" | "THROTTLING" | "REQUESTLIMITEXCEEDED" => Some(Kind::Throttled),
        // The last of them says that the tag holds the very same; what it holds is looked at in any case.
        "TAGINVALID" | "IMAGETAGALREADYEXISTS" | "IMAGEALREADYEXISTS" if writes_manifest => {
            Some(Kind::ImmutableTag)
        }
        // What is written has the digest that was worked out from it, so it went wrong on the way or over there. Debian's
        // docker-registry says so, and of blobs that are there that they are unknown, while another job writes their links.
        "DIGESTINVALID" | "IMAGEDIGESTDOESNOTMATCH" if writes => Some(Kind::Transient),
        "DIGESTINVALID" | "IMAGEDIGESTDOESNOTMATCH" => Some(Kind::DigestMismatch),
        // The session of an upload is gone, not the repository: a new one is opened.
        "BLOBUPLOADUNKNOWN" | "BLOBUPLOADINVALID" => Some(Kind::Transient),
        "NAMEUNKNOWN" | "REPOSITORYNOTFOUND" => Some(Kind::NotFound),
        word if MISSING_PARTS.contains(&word) => Some(Kind::NotFound),
        "DENIED" | "UNAUTHORIZED" | "ACCESSDENIED" => Some(Kind::Denied),
        "MANIFESTINVALID" | "MANIFESTUNVERIFIED" | "SIZEINVALID" => Some(Kind::InvalidImage),
        "UNSUPPORTED" | "NAMEINVALID" => Some(Kind::Configuration),
        _ if word.starts_with("KMS") => Some(Kind::Kms),
        _ if word.contains("QUOTA") || word.contains("LIMITEXCEEDED") => Some(Kind::Quota),
        _ => None,
    }
}

fn by_status(status: StatusCode, writes_manifest: bool) -> Kind {
    match status.as_u16() {
        401 | 403 => Kind::Denied,
        404 | 410 => Kind::NotFound,
        408 | 425 => Kind::Transient,
        // Registries that are not ECR say with 412 that a tag is immutable.
        409 | 412 if writes_manifest => Kind::ImmutableTag,
        413 | 507 => Kind::Quota,
        429 => Kind::Throttled,
        501 | 505 => Kind::Configuration,
        500.. => Kind::Transient,
        _ if writes_manifest => Kind::InvalidImage,
        _ => Kind::Configuration,
    }
}

fn diagnostics(body: &[u8], sent: &Confidential) -> Vec<Diagnostic> {
    #[derive(Deserialize)]
    struct Document {
        errors: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        #[serde(default)]
        code: String,
        message: Option<String>,
    }
    let Ok(document) = serde_json::from_slice::<Document>(body) else {
        return Vec::new();
    };
    let kept = document.errors.into_iter().take(DIAGNOSTICS);
    let cleaned = kept.map(|entry| Diagnostic {
        code: cleaned(&sent.taken_out_of_code(&entry.code)),
        message: cleaned(&sent.taken_out_of(&entry.message.unwrap_or_default())),
    });
    cleaned.collect()
}

/// What a server wrote, fit to be shown: no control characters, no word that could be a token, no query, not too long.
fn cleaned(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(cleaned_word).collect();
    words.join(" ").chars().take(MESSAGE_CHARS).collect()
}

fn cleaned_word(word: &str) -> &str {
    let is_address = word.contains("://") || word.starts_with('/');
    match word.find('?') {
        _ if word.chars().count() > WORD_CHARS && !is_address => TAKEN_OUT,
        Some(query) if is_address => &word[..query],
        _ if is_address && word.contains('@') => TAKEN_OUT,
        _ => word,
    }
}

/// Seconds or a date; RFC 9110, section 10.2.3.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(
            httpdate::parse_http_date(text)
                .ok()?
                .duration_since(now)
                .unwrap_or_default(),
        ),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.request, self.status)?;
        self.diagnostics
            .iter()
            .try_for_each(|found| write!(f, ", {}: {}", found.code, found.message))?;
        match self.may_want_https() {
            true => f.write_str("; a server that speaks https is reached without --plain-http"),
            false => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
