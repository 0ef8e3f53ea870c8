//! Manifests that refer to another one by their `subject`: found and listed with the registry's API, or where a registry has none, under
//! a tag made of the subject's digest (distribution-spec 1.1, "Referrers Tag Schema").
//!
//! That tag's index is read, changed and written by clients, and the protocol has no write that fails when somebody else wrote in
//! between. So after each write it is read again, and written again if the entry is gone. One gap is left: a writer that read before
//! our write and writes after our second look. Whoever needs the entry looks for it again on its next run, and adds it again.

use serde_json::{Map, Value, json};

use super::fault::ProtocolFault;
use super::lists::{self, Page};
use super::manifests;
use super::session::Session;
use crate::descriptor::{Descriptor, Manifest, OCI_INDEX, manifests_in, referrers_tag};
use crate::digest::Digest;
use crate::error::{Action, Error};
use crate::limits::MANIFEST_BYTES;
use crate::reference::Target;
use crate::store::{Listing, Pushed};
use crate::transport::escaped;

/// How often the index of referrers is written when others write it at the same time.
const WRITES: u32 = 5;

/// All manifests whose subject is this one.
pub(super) async fn list(
    session: &Session,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Vec<Descriptor>, Error> {
    let mut found = match first_page(session, subject, artifact_type).await? {
        Some(first) => {
            lists::further_pages(session, Action::ListReferrers, first, manifests_in).await?
        }
        None => under_tag(session, subject).await?,
    };
    // Filtered here in any case: whether a registry did is not always said.
    found
        .retain(|entry| artifact_type.is_none() || entry.artifact_type.as_deref() == artifact_type);
    Ok(found)
}

/// Writes a manifest with a subject and sees to it that it is found by that.
pub(super) async fn push(
    session: &Session,
    manifest: &Manifest,
    subject: &Digest,
    entry: &Descriptor,
) -> Result<Pushed, Error> {
    let pushed = manifests::push(session, manifest, Listing::Digest).await?;
    // The header `OCI-Subject` would say so too, but it was sent by registries that did not list yet, and is not sent by some that do.
    let listed = first_page(session, subject, entry.artifact_type.as_deref()).await?;
    if listed.is_some() {
        return Ok(pushed);
    }
    match add(session, subject, entry).await? {
        Pushed::Stored => Ok(Pushed::Stored),
        Pushed::AlreadyThere => Ok(pushed),
    }
}

/// What the API lists first; nothing if there is no API. What comes behind it is asked of a registry that has one, so that a refusal there
/// never makes a list shorter.
async fn first_page(
    session: &Session,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Option<Page<Descriptor>>, Error> {
    let address = address(subject, artifact_type);
    match lists::first_page(session, Action::ListReferrers, &address, manifests_in).await {
        Ok(first) => Ok(Some(first)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if says_no_api(&error) => {
            tracing::info!("looking for a tag, as if there were no referrers API: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Whether another answer than 404 means that a registry has no referrers API. Seen were 401 from Harbor 2.7, 406 from Artifactory, and from
/// ghcr.io a redirect to a page for people; servers in front of registries answer what they do not know with 400, 403, 405 or 501.
/// Who may read nothing there at all is told so when the tag is looked up.
fn says_no_api(error: &Error) -> bool {
    match error {
        Error::Refused(refusal) => {
            let is_final = matches!(refusal.status(), 400 | 401 | 403 | 405 | 406 | 501);
            is_final && !error.is_transient()
        }
        Error::Protocol { fault, .. } => matches!(
            fault,
            ProtocolFault::Json { .. }
                | ProtocolFault::Status { .. }
                | ProtocolFault::Location
                | ProtocolFault::Downgrade
                | ProtocolFault::Redirects { .. }
        ),
        _ => false,
    }
}

/// What the index under the tag lists. A registry that takes the tag for the subject's digest answers with the subject, as GitLab's does:
/// that is no index of referrers, and then there are none.
async fn under_tag(session: &Session, subject: &Digest) -> Result<Vec<Descriptor>, Error> {
    match read(session, subject).await {
        Ok(held) => Ok(held.as_ref().map_or_else(Vec::new, entries)),
        Err(Error::Protocol {
            fault: ProtocolFault::Json { .. },
            ..
        }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn address(subject: &Digest, artifact_type: Option<&str>) -> String {
    let parameter = artifact_type.map(|wanted| format!("?artifactType={}", escaped(wanted)));
    format!("referrers/{subject}{}", parameter.unwrap_or_default())
}

/// Adds an entry to the index under the tag, until it is there.
async fn add(session: &Session, subject: &Digest, entry: &Descriptor) -> Result<Pushed, Error> {
    let tag = referrers_tag(subject);
    let mut pushed = Pushed::AlreadyThere;
    for writes in 0..=WRITES {
        let held = read(session, subject).await?;
        let held = held.unwrap_or_else(empty);
        if entries(&held)
            .iter()
            .any(|other| other.digest == entry.digest)
        {
            return Ok(pushed);
        }
        if writes == WRITES {
            break;
        }
        let index = with(held, entry)?;
        manifests::push(session, &index, Listing::Tag(&tag)).await?;
        pushed = Pushed::Stored;
    }
    Err(lists::fault(session, Action::ListReferrers, ProtocolFault::Overwritten).await?)
}

/// The index under the tag, as a document of which nothing is lost.
async fn read(session: &Session, subject: &Digest) -> Result<Option<Map<String, Value>>, Error> {
    let tag = Target::Tag(referrers_tag(subject));
    let index = match manifests::read(session, &tag).await {
        Ok(index) => index,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let document: Option<Map<String, Value>> = serde_json::from_slice(index.bytes()).ok();
    match document.filter(|document| document.get("manifests").is_some_and(Value::is_array)) {
        Some(document) => Ok(Some(document)),
        None => {
            let what = ProtocolFault::Json {
                what: "index of referrers",
            };
            Err(lists::fault(session, Action::ListReferrers, what).await?)
        }
    }
}

/// Those that can be read; one of another digest algorithm stays in the document all the same.
fn entries(index: &Map<String, Value>) -> Vec<Descriptor> {
    let list = index.get("manifests").and_then(Value::as_array);
    let descriptors = list.into_iter().flatten();
    descriptors
        .filter_map(|entry| serde::Deserialize::deserialize(entry).ok())
        .collect()
}

fn empty() -> Map<String, Value> {
    let fields = [
        ("schemaVersion", json!(2)),
        ("mediaType", json!(OCI_INDEX)),
        ("manifests", json!([])),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    fields.into_iter().collect()
}

fn with(mut index: Map<String, Value>, entry: &Descriptor) -> Result<Manifest, Error> {
    let mut added = json!({
        "mediaType": entry.media_type,
        "digest": entry.digest,
        "size": entry.size_bytes,
    });
    if let Some(artifact_type) = &entry.artifact_type {
        added["artifactType"] = json!(artifact_type);
    }
    if !entry.annotations.is_empty() {
        added["annotations"] = json!(entry.annotations);
    }
    if let Some(Value::Array(list)) = index.get_mut("manifests") {
        list.push(added);
    }
    let bytes = Value::from(index).to_string().into_bytes();
    if bytes.len() as u64 > MANIFEST_BYTES {
        return Err(Error::TooLarge {
            what: "index of referrers",
            limit_bytes: MANIFEST_BYTES,
        });
    }
    Ok(Manifest::new(OCI_INDEX, bytes))
}
