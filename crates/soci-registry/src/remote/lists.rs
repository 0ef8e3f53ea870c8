//! Lists in pages: tags, and the manifests that refer to one.

use std::collections::HashSet;

use http::header::{ACCEPT, LINK};
use http::{HeaderValue, Method};
use serde::Deserialize;

use super::fault::ProtocolFault;
use super::manifests;
use super::session::{Answer, Call, Session};
use crate::descriptor::{Descriptor, OCI_INDEX};
use crate::digest::Digest;
use crate::error::{Action, Error, Request};
use crate::limits::{LIST_PAGE_BYTES, LIST_PAGES};
use crate::reference::{Tag, Target};
use crate::transport::{Url, escaped};

#[derive(Deserialize)]
struct TagPage {
    // Registries write null for an empty list.
    tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ReferrersPage {
    manifests: Vec<Descriptor>,
}

/// All tags of the repository.
pub(super) async fn tags(session: &Session) -> Result<Vec<Tag>, Error> {
    let mut found = Vec::new();
    let mut next = Some(
        session
            .retry()
            .run(Action::ListTags, || session.url("tags/list"))
            .await?,
    );
    for _ in 0..LIST_PAGES {
        let Some(url) = next else { return Ok(found) };
        let read = || page(session, Action::ListTags, url.clone());
        let (names, following) = session.retry().run(Action::ListTags, read).await?;
        // A tag outside the grammar could not be asked for anyway.
        found.extend(names.iter().filter_map(|name| Tag::new(name).ok()));
        next = following;
    }
    fault(
        session,
        Action::ListTags,
        ProtocolFault::Pages { limit: LIST_PAGES },
    )
    .await
}

/// One request for tags, whose answer says whether the repository exists.
pub(super) async fn first_page_of_tags(session: &Session) -> Result<(), Error> {
    let read = || async {
        page(
            session,
            Action::ListTags,
            session.url("tags/list?n=1").await?,
        )
        .await
    };
    session
        .retry()
        .in_time(Action::ListTags, read())
        .await
        .map(drop)
}

async fn page(
    session: &Session,
    action: Action,
    url: Url,
) -> Result<(Vec<String>, Option<Url>), Error> {
    let (page, next) = json::<TagPage>(session, action, url).await?;
    Ok((page.tags.unwrap_or_default(), next))
}

/// All manifests whose subject is this one. Registries without the API keep them under a tag made of the digest.
pub(super) async fn referrers(
    session: &Session,
    subject: &Digest,
    artifact_type: Option<&str>,
) -> Result<Vec<Descriptor>, Error> {
    let query = artifact_type.map_or_else(String::new, |wanted| {
        format!("?artifactType={}", escaped(wanted))
    });
    let address = format!("referrers/{subject}{query}");
    let action = Action::ListReferrers;
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut next = Some(
        session
            .retry()
            .run(action, || session.url(&address))
            .await?,
    );
    for _ in 0..LIST_PAGES {
        let Some(url) = next else { return Ok(found) };
        let read = || json::<ReferrersPage>(session, action, url.clone());
        let (page, following) = match session.retry().run(action, read).await {
            Err(error) if error.is_not_found() && found.is_empty() => {
                (fallback(session, subject).await?, None)
            }
            result => result?,
        };
        // Filtered here in any case: whether a registry did is not always said.
        let wanted = |entry: &Descriptor| {
            artifact_type.is_none_or(|wanted| entry.artifact_type.as_deref() == Some(wanted))
        };
        found.extend(
            page.manifests
                .into_iter()
                .filter(|entry| wanted(entry) && seen.insert(entry.digest)),
        );
        next = following;
    }
    fault(session, action, ProtocolFault::Pages { limit: LIST_PAGES }).await
}

/// distribution-spec 1.1, "Referrers Tag Schema".
async fn fallback(session: &Session, subject: &Digest) -> Result<ReferrersPage, Error> {
    let tag =
        Tag::new(&subject.to_string().replace(':', "-")).expect("hexadecimal digits make a tag");
    match manifests::read(session, &Target::Tag(tag)).await {
        Ok(index) => match serde_json::from_slice(index.bytes()) {
            Ok(page) => Ok(page),
            Err(_) => {
                fault(
                    session,
                    Action::ListReferrers,
                    ProtocolFault::Json {
                        what: "index of referrers",
                    },
                )
                .await
            }
        },
        Err(error) if error.is_not_found() => Ok(ReferrersPage {
            manifests: Vec::new(),
        }),
        Err(error) => Err(error),
    }
}

async fn json<T: for<'de> Deserialize<'de>>(
    session: &Session,
    action: Action,
    url: Url,
) -> Result<(T, Option<Url>), Error> {
    let mut call = Call::new(action, Method::GET, url);
    if action == Action::ListReferrers {
        call.headers
            .insert(ACCEPT, HeaderValue::from_static(OCI_INDEX));
    }
    let mut answer = session.send(&call).await?.expect(&[200]).await?;
    let body = answer.whole_body(LIST_PAGE_BYTES, "page of a list").await?;
    let malformed = |_| {
        answer.fault(ProtocolFault::Json {
            what: "page of a list",
        })
    };
    let page = serde_json::from_slice(&body).map_err(malformed)?;
    Ok((page, next_page(&answer)))
}

/// The address in `Link: <…>; rel="next"`, on the same registry.
fn next_page(answer: &Answer) -> Option<Url> {
    let (address, parameters) = answer
        .header(LINK)?
        .trim()
        .strip_prefix('<')?
        .split_once('>')?;
    let next = answer.request.url.join(address)?;
    let is_next = parameters
        .replace('"', "")
        .to_ascii_lowercase()
        .contains("rel=next");
    (is_next && next.has_same_origin(&answer.request.url)).then_some(next)
}

async fn fault<T>(session: &Session, action: Action, fault: ProtocolFault) -> Result<T, Error> {
    let request = Box::new(Request {
        action,
        url: session.url("").await?,
    });
    Err(Error::Protocol { request, fault })
}
