//! Uploading a blob: look, POST, one PUT.
//!
//! No PATCH and no chunked upload: Amazon ECR's does not conform, and what is uploaded here is small. Every try begins with
//! the look, so a PUT that was stored although its answer was an error costs one HEAD more, and no second upload.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method};

use super::authorizer::Access;
use super::blobs::exists_once;
use super::lists;
use super::session::{Call, Session};
use crate::descriptor::Descriptor;
use crate::error::{Action, Error};
use crate::store::{Content, Pushed};
use crate::transport::{ConnectionFailure, Outgoing};

/// Stores a blob, unless it is there.
pub(super) async fn push(
    session: &Session,
    blob: &Descriptor,
    content: &dyn Content,
) -> Result<Pushed, Error> {
    let result = session
        .retry()
        .run(Action::PushBlob, || once(session, blob, content))
        .await;
    match result {
        Err(error) if is_hang_up(&error) => Err(explained(session, error).await),
        result => result,
    }
}

async fn once(
    session: &Session,
    blob: &Descriptor,
    content: &dyn Content,
) -> Result<Pushed, Error> {
    if exists_once(session, &blob.digest).await? {
        return Ok(Pushed::AlreadyThere);
    }
    let url = session.url("blobs/uploads/").await?;
    let mut start = Call::new(Action::StartUpload, Method::POST, url);
    start.access = Access::PullAndPush;
    start.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
    let mut started = session.send(&start).await?.expect(&[202]).await?;
    let url = session
        .next_address(&started)?
        .with_parameter("digest", &blob.digest.to_string());
    started
        .body
        .beginning(crate::limits::ERROR_BODY_BYTES)
        .await;

    let mut put = Call::new(Action::PushBlob, Method::PUT, url);
    put.access = Access::PullAndPush;
    put.headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    put.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(blob.size_bytes));
    put.outgoing = Outgoing::Chunks {
        size_bytes: blob.size_bytes,
        content,
    };
    session.send(&put).await?.expect(&[200, 201, 204]).await?;
    Ok(Pushed::Stored)
}

fn is_hang_up(error: &Error) -> bool {
    matches!(
        error,
        Error::Connection {
            failure: ConnectionFailure::Broken(_),
            ..
        }
    )
}

/// Amazon ECR hangs up on uploads into a repository that does not exist. Asked for its tags it says so.
async fn explained(session: &Session, error: Error) -> Error {
    match lists::first_page_of_tags(session).await {
        Err(reason) if reason.is_not_found() => reason,
        _ => error,
    }
}
