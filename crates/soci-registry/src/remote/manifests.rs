//! Manifests: resolve, read, write.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::authorizer::Access;
use super::fault::ProtocolFault;
use super::session::{Answer, Call, Session};
use crate::descriptor::{self, Descriptor, Manifest};
use crate::digest::Digest;
use crate::error::{Action, Error, Mismatch, Promise, Request};
use crate::kind::Kind;
use crate::limits::MANIFEST_BYTES;
use crate::reference::{Item, Target};
use crate::store::{Listing, Pushed};
use crate::transport::{Outgoing, Url};

/// What we can read. A registry that is not told so may convert a manifest into something older.
const ACCEPTED: [&str; 4] = [
    descriptor::OCI_INDEX,
    descriptor::OCI_MANIFEST,
    descriptor::DOCKER_INDEX,
    descriptor::DOCKER_MANIFEST,
];

/// The digest of what a registry sends, by its own account.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// What a target is now.
pub(super) async fn resolve(session: &Session, target: &Target) -> Result<Descriptor, Error> {
    session
        .retry()
        .run(Action::Resolve, || resolve_once(session, target))
        .await
}

/// A manifest, checked.
pub(super) async fn read(session: &Session, target: &Target) -> Result<Manifest, Error> {
    session
        .retry()
        .run(Action::ReadManifest, || read_once(session, target))
        .await
}

/// Writes a manifest, unless the tag or digest holds it already.
pub(super) async fn push(
    session: &Session,
    manifest: &Manifest,
    listing: Listing<'_>,
) -> Result<Pushed, Error> {
    let target = match listing {
        Listing::Tag(tag) => Target::Tag(tag.clone()),
        Listing::Digest | Listing::Untagged | Listing::Referrer { .. } => {
            Target::Digest(manifest.digest())
        }
    };
    // Looked up before every try: a PUT that was answered with an error may have been stored, and an immutable tag may
    // not be written even with what it holds.
    let once = || async {
        if holds(session, &target, manifest.digest()).await? {
            return Ok(Pushed::AlreadyThere);
        }
        put(session, manifest, &target).await
    };
    match session.retry().run(Action::PushManifest, once).await {
        // Somebody wrote it between our look and our PUT; if it was the same, all is well.
        Err(error) if error.kind() == Kind::ImmutableTag => {
            match resolve(session, &target).await {
                Ok(found) if found.digest == manifest.digest() => Ok(Pushed::AlreadyThere),
                // Nobody knows yet what the tag holds, so it may be the same: that is for a later try to find out.
                Err(unknown) if unknown.is_transient() => Err(unknown),
                _ => Err(error),
            }
        }
        result => result,
    }
}

async fn holds(session: &Session, target: &Target, digest: Digest) -> Result<bool, Error> {
    match resolve_once(session, target).await {
        Ok(found) => Ok(found.digest == digest),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

async fn resolve_once(session: &Session, target: &Target) -> Result<Descriptor, Error> {
    let call = reading(
        Action::Resolve,
        Method::HEAD,
        address(session, target).await?,
    );
    let answer = session.send(&call).await?;
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        return read_once(session, target)
            .await
            .map(|manifest| manifest.descriptor());
    }
    let answer = answer.expect(&[200]).await?;
    let size_bytes = answer
        .header(CONTENT_LENGTH)
        .and_then(|text| text.parse().ok());
    let (Some(digest), Some(size_bytes), Some(media_type)) =
        (announced_digest(&answer), size_bytes, media_type(&answer))
    else {
        // A registry that is sparing with headers shows them in the manifest itself.
        return read_once(session, target)
            .await
            .map(|manifest| manifest.descriptor());
    };
    check_announced(target, digest)?;
    Ok(Descriptor::new(media_type, digest, size_bytes))
}

async fn read_once(session: &Session, target: &Target) -> Result<Manifest, Error> {
    let call = reading(
        Action::ReadManifest,
        Method::GET,
        address(session, target).await?,
    );
    let mut answer = session.send(&call).await?.expect(&[200]).await?;
    let bytes = answer
        .whole_body(MANIFEST_BYTES as usize, "manifest")
        .await?;
    let found = Digest::of(&bytes);
    let announced = announced_digest(&answer);
    if let Target::Digest(expected) = *target
        && expected != found
    {
        let what = Promise::Manifest(target.clone());
        return Err(Mismatch::Digest {
            what,
            expected,
            found,
        }
        .into());
    }
    if let Some(announced) = announced.filter(|announced| *announced != found) {
        let what = Promise::Header(Item::Manifest(target.clone()));
        return Err(Mismatch::Digest {
            what,
            expected: found,
            found: announced,
        }
        .into());
    }
    let media_type = media_type(&answer).or_else(|| descriptor::media_type_of(&bytes));
    let media_type = media_type.ok_or_else(|| answer.fault(ProtocolFault::MediaType))?;
    Ok(Manifest::new(media_type, bytes))
}

async fn put(session: &Session, manifest: &Manifest, target: &Target) -> Result<Pushed, Error> {
    let url = address(session, target).await?;
    let mut call = Call::new(Action::PushManifest, Method::PUT, url);
    let Ok(media_type) = HeaderValue::from_str(manifest.media_type()) else {
        let request = Box::new(Request {
            action: call.action,
            url: call.url,
        });
        return Err(Error::Protocol {
            request,
            fault: ProtocolFault::MediaType,
        });
    };
    call.headers.insert(CONTENT_TYPE, media_type);
    call.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(manifest.bytes().len()));
    call.access = Access::PullAndPush;
    call.outgoing = Outgoing::Whole(manifest.bytes());
    let answer = session
        .send(&call)
        .await?
        .expect(&[200, 201, 202, 204])
        .await?;
    match announced_digest(&answer).filter(|found| *found != manifest.digest()) {
        None => Ok(Pushed::Stored),
        Some(found) => {
            let what = Promise::Pushed(target.clone());
            Err(Mismatch::Digest {
                what,
                expected: manifest.digest(),
                found,
            }
            .into())
        }
    }
}

fn reading<'a>(action: Action, method: Method, url: Url) -> Call<'a> {
    let mut call = Call::new(action, method, url);
    call.headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(&ACCEPTED_HEADER))]);
    call
}

/// The four types in one header.
static ACCEPTED_HEADER: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| ACCEPTED.join(", "));

async fn address(session: &Session, target: &Target) -> Result<Url, Error> {
    let reference = match target {
        Target::Digest(digest) => digest.to_string(),
        Target::Tag(tag) if tag.fits_registries() => tag.to_string(),
        _ => {
            return Err(Error::NotForRegistries {
                target: target.clone(),
            });
        }
    };
    session.url(&format!("manifests/{reference}")).await
}

fn announced_digest(answer: &Answer) -> Option<Digest> {
    answer.header(CONTENT_DIGEST)?.parse().ok()
}

fn check_announced(target: &Target, found: Digest) -> Result<(), Error> {
    match *target {
        Target::Digest(expected) if expected != found => {
            let what = Promise::Header(Item::Manifest(target.clone()));
            Err(Mismatch::Digest {
                what,
                expected,
                found,
            }
            .into())
        }
        _ => Ok(()),
    }
}

/// The Content-Type, unless it is one that says nothing.
fn media_type(answer: &Answer) -> Option<String> {
    let text = answer.header(CONTENT_TYPE)?.split(';').next()?.trim();
    let says_nothing = [
        "",
        "application/json",
        "application/octet-stream",
        "text/plain",
    ];
    (!says_nothing.contains(&text)).then(|| text.to_owned())
}
