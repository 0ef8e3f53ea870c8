//! Lists in pages: tags, and for `referrers` the manifests that refer to one.

use http::header::{ACCEPT, LINK};
use http::{HeaderValue, Method};
use serde::Deserialize;

use super::fault::ProtocolFault;
use super::session::{Answer, Call, Session};
use crate::descriptor::OCI_INDEX;
use crate::error::{Action, Error, Request};
use crate::limits::{LIST_BYTES, LIST_ENTRIES, LIST_PAGE_BYTES, LIST_PAGES};
use crate::reference::Tag;
use crate::transport::Url;

/// All tags of the repository.
pub(super) async fn tags(session: &Session) -> Result<Vec<Tag>, Error> {
    let names = all_pages(session, Action::ListTags, "tags/list", tags_in).await?;
    // A tag outside the grammar could not be asked for anyway.
    Ok(names
        .iter()
        .filter_map(|name| Tag::new(name).ok())
        .collect())
}

/// One request for tags, whose answer says whether the repository exists.
pub(super) async fn first_page_of_tags(session: &Session) -> Result<(), Error> {
    let read = async {
        let url = session.url("tags/list?n=1").await?;
        page(session, Action::ListTags, url, tags_in)
            .await
            .map(drop)
    };
    session.retry().in_time(Action::ListTags, read).await
}

fn tags_in(document: &[u8]) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Page {
        // Registries write null for an empty list.
        tags: Option<Vec<String>>,
    }
    let page: Page = serde_json::from_slice(document).ok()?;
    Some(page.tags.unwrap_or_default())
}

/// A page of a list.
pub(super) struct Page<T> {
    entries: Vec<T>,
    /// The address of the next.
    next: Option<Url>,
    /// How long it was.
    bytes: usize,
}

/// The entries of all pages of a list.
async fn all_pages<T>(
    session: &Session,
    action: Action,
    address: &str,
    entries_in: fn(&[u8]) -> Option<Vec<T>>,
) -> Result<Vec<T>, Error> {
    let first = first_page(session, action, address, entries_in).await?;
    further_pages(session, action, first, entries_in).await
}

/// The page with which a list begins.
pub(super) async fn first_page<T>(
    session: &Session,
    action: Action,
    address: &str,
    entries_in: fn(&[u8]) -> Option<Vec<T>>,
) -> Result<Page<T>, Error> {
    let read = || async {
        let url = session.url(address).await?;
        page(session, action, url, entries_in).await
    };
    session.retry().run(action, read).await
}

/// The entries of the first page and of all behind it.
pub(super) async fn further_pages<T>(
    session: &Session,
    action: Action,
    first: Page<T>,
    entries_in: fn(&[u8]) -> Option<Vec<T>>,
) -> Result<Vec<T>, Error> {
    let Page {
        entries: mut found,
        mut next,
        mut bytes,
    } = first;
    let mut pages = 1;
    while let Some(url) = next {
        if pages == LIST_PAGES || found.len() > LIST_ENTRIES {
            let what = ProtocolFault::Endless {
                limit: LIST_ENTRIES,
            };
            return Err(fault(session, action, what).await?);
        }
        let read = || page(session, action, url.clone(), entries_in);
        let page = session.retry().run(action, read).await?;
        bytes += page.bytes;
        if bytes > LIST_BYTES {
            let what = ProtocolFault::LongList {
                limit_bytes: LIST_BYTES,
            };
            return Err(fault(session, action, what).await?);
        }
        found.extend(page.entries);
        next = page.next;
        pages += 1;
    }
    Ok(found)
}

async fn page<T>(
    session: &Session,
    action: Action,
    url: Url,
    entries_in: fn(&[u8]) -> Option<Vec<T>>,
) -> Result<Page<T>, Error> {
    let mut call = Call::new(action, Method::GET, url);
    if action == Action::ListReferrers {
        call.headers
            .insert(ACCEPT, HeaderValue::from_static(OCI_INDEX));
    }
    let mut answer = session.send(&call).await?.expect(&[200]).await?;
    let body = answer.whole_body(LIST_PAGE_BYTES, "page of a list").await?;
    let malformed = || {
        answer.fault(ProtocolFault::Json {
            what: "page of a list",
        })
    };
    let entries = entries_in(&body).ok_or_else(malformed)?;
    let next = match next_page(&answer) {
        // Left out, the rest of the list would be missing, and nobody would know.
        Some(elsewhere) if !elsewhere.has_same_origin(&answer.request.url) => {
            return Err(answer.fault(ProtocolFault::NextPage));
        }
        next => next,
    };
    Ok(Page {
        entries,
        next,
        bytes: body.len(),
    })
}

/// The address in `Link: <…>; rel="next"`.
fn next_page(answer: &Answer) -> Option<Url> {
    let text = answer.header(LINK)?.trim().strip_prefix('<')?;
    let (address, parameters) = text.split_once('>')?;
    let is_next = parameters
        .replace('"', "")
        .to_ascii_lowercase()
        .contains("rel=next");
    answer.request.url.join(address).filter(|_| is_next)
}

pub(super) async fn fault(
    session: &Session,
    action: Action,
    fault: ProtocolFault,
) -> Result<Error, Error> {
    let request = Box::new(Request {
        action,
        url: session.url("").await?,
    });
    Ok(Error::Protocol { request, fault })
}
