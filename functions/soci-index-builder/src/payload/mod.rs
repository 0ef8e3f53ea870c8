//! From what the function is invoked with to what is asked of it. A pure function: no network, no clock, no environment.
//!
//! Payloads are told apart by their shape:
//!
//! | has | is |
//! |---|---|
//! | `ResponseURL`, and `RequestType` or `StackId` | a request of a CloudFormation custom resource |
//! | `images` | somebody's own request: `{"images": ["repository:tag", "repository@sha256:…"]}` |
//! | `detail-type` | an event of Amazon ECR: a push, an image brought in by a pull-through cache, a replica at its destination |
//!
//! Anything else is refused by name, and so is one of these with names in it that no registry could have. Fields that are not
//! known are passed over; those that may be missing may be null as well.

mod custom_resource;
mod ecr;
mod fields;
mod manual;

use serde_json::{Map, Value};
use soci_registry::Digest;

pub use custom_resource::{Change, CustomResourceRequest};
pub use fields::Refused;
pub(crate) use fields::shown;

use fields::refuse;

/// Where the function itself runs: a request that names no registry means that of its account and Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The AWS account, 12 digits.
    pub account: String,
    /// The AWS Region.
    pub region: String,
}

/// What is asked of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// One image, because something happened to it.
    Event(ImageRequest),
    /// These images, because somebody wants so. A name that cannot be one does not lose the others.
    Manual(Vec<Result<ImageRequest, Refused>>),
    /// The repositories of the filters, for a stack's policy.
    CustomResource(CustomResourceRequest),
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRequest {
    /// Where it lies.
    pub registry: Registry,
    /// Its repository, in the grammar of repositories.
    pub repository: String,
    /// Its tag, of at most the 300 characters that Amazon ECR's API may tell of; an empty one is none.
    pub tag: Option<String>,
    /// What was pushed; of a tag, what it held then.
    pub digest: Option<Digest>,
    /// Why it is asked for.
    pub occasion: Occasion,
}

/// Why an image is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// Something happened to it.
    Event {
        /// Whether this brought an image in, and did not fail.
        arrived: bool,
        /// Whether it is a replica, of which parts may come later than the event.
        is_replica: bool,
        /// Media type of the manifest, if the event tells it.
        manifest_media_type: Option<String>,
        /// Media type of the manifest's config, or its artifact type, if the event tells it.
        artifact_media_type: Option<String>,
    },
    /// Somebody wants it.
    Wish,
}

/// Bytes of a payload. Lambda hands over up to 6 MB; the longest that is worked on, a list of 1,000 images, has half of this.
pub const PAYLOAD_BYTES: usize = 1 << 20;

/// Reads a payload as it arrived. `here` is the registry that manual requests mean.
///
/// # Errors
/// When it is no JSON, too long, or what [`parse`] refuses.
pub fn read(payload: &[u8], here: &Registry) -> Result<Request, Refused> {
    if payload.len() > PAYLOAD_BYTES {
        return Err(refuse(format!(
            "the payload has more than {PAYLOAD_BYTES} bytes, which no event of Amazon ECR has, and no list of images that is taken"
        )));
    }
    let payload: Value = serde_json::from_slice(payload)
        .map_err(|why| refuse(format!("the payload is no JSON: {why}")))?;
    parse(&payload, here)
}

/// Reads a payload. `here` is the registry that manual requests mean.
///
/// # Errors
/// When it is none that the function knows, or holds names that nothing can have.
pub fn parse(payload: &Value, here: &Registry) -> Result<Request, Refused> {
    let Some(object) = payload.as_object() else {
        return Err(refuse("the payload is no JSON object"));
    };
    let has = |name: &str| object.contains_key(name);
    // What else is missing is told to the stack that waits.
    if has("ResponseURL") && (has("RequestType") || has("StackId")) {
        return CustomResourceRequest::parse(object).map(Request::CustomResource);
    }
    if let Some(images) = object.get("images") {
        return manual::parse(images, here).map(Request::Manual);
    }
    if has("detail-type") {
        return ecr::parse(object).map(Request::Event);
    }
    Err(unknown(object))
}

/// Says what was seen, as far as that fits into a line.
fn unknown(object: &Map<String, Value>) -> Refused {
    const KEYS: usize = 8;
    let keys: Vec<String> = object.keys().take(KEYS).map(|key| shown(key)).collect();
    let more = if object.len() > KEYS { ", …" } else { "" };
    refuse(format!(
        "the payload is neither an event of Amazon ECR (detail-type), nor a request with images, nor one of a custom resource; its keys: [{}{more}]",
        keys.join(", ")
    ))
}

#[cfg(test)]
mod tests;
