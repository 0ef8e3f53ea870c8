//! Manifests, their tags and what refers to them.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, LINK, LOCATION};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use soci_registry::{Digest, MANIFEST_BYTES, Manifest, OCI_INDEX, Tag};

use super::answer::{self, Answer, CONTENT_DIGEST, Code, Refusal};
use super::storage::Stored;
use super::{Asked, Push};

/// Tags that are told at once unless fewer are asked for.
const TAGS_AT_ONCE: usize = 1_000;

/// What is looked at in a manifest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Named>,
    layers: Option<Vec<Named>>,
    manifests: Option<Vec<Named>>,
    subject: Option<Named>,
    annotations: Option<BTreeMap<String, String>>,
}

/// A descriptor in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    media_type: Option<String>,
    digest: Digest,
    urls: Option<Vec<String>>,
}

pub(super) async fn get(request: &Asked<'_>, repository: &str, name: &str) -> Answer {
    let (digest, stored) = request.storage.manifest(repository, name)?;
    let bytes = tokio::fs::read(request.storage.blob_path(&digest)).await?;
    let mut response = answer::bytes(200, &stored.media_type, bytes.into());
    answer::set(&mut response, CONTENT_DIGEST, digest.to_string());
    Ok(response)
}

pub(super) async fn put(
    request: &Asked<'_>,
    repository: &str,
    name: &str,
    body: Incoming,
) -> Answer {
    let tag = match name.parse::<Digest>() {
        Ok(_) => None,
        Err(_) => Some(Tag::new(name).map_err(|why| invalid(format!("no tag: {why}")))?),
    };
    let limited = Limited::new(body, MANIFEST_BYTES as usize);
    let bytes = limited
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let bytes = bytes.map_err(|_| {
        let why = format!("a manifest has at most {MANIFEST_BYTES} bytes");
        Refusal::new(413, Code::SizeInvalid, why)
    })?;
    let document: Document =
        serde_json::from_slice(&bytes).map_err(|error| invalid(format!("no manifest: {error}")))?;
    let named = request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = named.or(document.media_type.as_deref()).unwrap_or_default();
    if media_type.is_empty() {
        return Err(invalid(
            "neither the request nor the manifest says its media type",
        ));
    }
    let manifest = Manifest::new(media_type, bytes);
    if tag.is_none() && name != manifest.digest().to_string() {
        let why = format!("the manifest was to be {name} and is {}", manifest.digest());
        return Err(Refusal::new(400, Code::DigestInvalid, why));
    }
    check_parts(request, repository, &document)?;
    let tag = tag.as_ref().map(Tag::as_str);
    store(request, repository, tag, &manifest, &document).await?;
    let digest = manifest.digest();
    let mut response = answer::empty(201);
    answer::set(
        &mut response,
        LOCATION,
        format!("/v2/{repository}/manifests/{digest}"),
    );
    answer::set(&mut response, CONTENT_DIGEST, digest.to_string());
    if let Some(subject) = document.subject {
        answer::set(
            &mut response,
            HeaderName::from_static("oci-subject"),
            subject.digest.to_string(),
        );
    }
    Ok(response)
}

fn invalid(why: impl Into<String>) -> Refusal {
    Refusal::new(400, Code::ManifestInvalid, why)
}

/// Everything that a manifest is made of must be there before it, except what lies elsewhere.
fn check_parts(request: &Asked<'_>, repository: &str, document: &Document) -> Result<(), Refusal> {
    let missing = |part: &Named| {
        let why = format!(
            "{repository} has no {}, which the manifest names; push it first",
            part.digest
        );
        Refusal::new(404, Code::ManifestBlobUnknown, why)
    };
    let layers = document
        .layers
        .iter()
        .flatten()
        .filter(|layer| layer.urls.is_none());
    for blob in document.config.iter().chain(layers) {
        request
            .storage
            .blob(repository, &blob.digest)
            .map_err(|_| missing(blob))?;
    }
    for child in document.manifests.iter().flatten() {
        if !request.storage.has_manifest(repository, &child.digest) {
            return Err(missing(child));
        }
    }
    Ok(())
}

async fn store(
    request: &Asked<'_>,
    repository: &str,
    tag: Option<&str>,
    manifest: &Manifest,
    document: &Document,
) -> Result<(), Refusal> {
    let (storage, digest) = (request.storage, manifest.digest());
    let place = storage.place_for_push()?;
    let config_type = document
        .config
        .as_ref()
        .and_then(|config| config.media_type.clone());
    let artifact_type = document.artifact_type.clone().or(config_type);
    if !storage.has_manifest(repository, &digest) {
        let bytes: Bytes = manifest.bytes().clone();
        storage.take_space(bytes.len() as u64)?;
        tokio::fs::write(storage.blob_path(&digest), bytes).await?;
    }
    let stored = Stored {
        media_type: manifest.media_type().to_owned(),
        size: manifest.bytes().len() as u64,
        subject: document.subject.as_ref().map(|subject| subject.digest),
        artifact_type: artifact_type.clone(),
        annotations: document.annotations.clone().unwrap_or_default(),
    };
    storage.add_manifest(repository, tag, digest, stored)?;
    place.send(Push {
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
        digest,
        media_type: manifest.media_type().to_owned(),
        artifact_type,
    });
    Ok(())
}

pub(super) fn tags(request: &Asked<'_>, repository: &str) -> Answer {
    let query = request.query;
    let mut tags = request.storage.tags(repository, query.get("last"))?;
    let asked = query.get("n").and_then(|number| number.parse().ok());
    let most = asked.unwrap_or(TAGS_AT_ONCE).min(TAGS_AT_ONCE);
    let is_all = tags.len() <= most;
    tags.truncate(most);
    let mut response = answer::json(200, &json!({"name": repository, "tags": tags}));
    if let Some(last) = tags.last().filter(|_| !is_all) {
        let next = format!("</v2/{repository}/tags/list?n={most}&last={last}>; rel=\"next\"");
        answer::set(&mut response, LINK, next);
    }
    Ok(response)
}

pub(super) fn referrers(request: &Asked<'_>, repository: &str, subject: &Digest) -> Answer {
    let wanted = request.query.get("artifactType");
    let found = request.storage.referrers(repository, subject);
    let is_wanted = |stored: &Stored| wanted.is_none() || stored.artifact_type.as_deref() == wanted;
    let manifests: Vec<Value> = found
        .into_iter()
        .filter(|(_, stored)| is_wanted(stored))
        .map(|(digest, stored)| {
            json!({
                "mediaType": stored.media_type,
                "digest": digest.to_string(),
                "size": stored.size,
                "artifactType": stored.artifact_type,
                "annotations": stored.annotations,
            })
        })
        .collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    let mut response = answer::bytes(200, OCI_INDEX, index.to_string().into());
    if wanted.is_some() {
        let applied = HeaderName::from_static("oci-filters-applied");
        answer::set(&mut response, applied, "artifactType");
    }
    Ok(response)
}
