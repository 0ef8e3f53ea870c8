//! Events of Amazon ECR, as EventBridge hands them on.
//!
//! Three of them bring images in. Account and Region are the envelope's: of a replica, those of its destination. The media types
//! are there in real events and not in AWS's examples; the tag is empty when something was pushed by digest.

use serde_json::{Map, Value};
use soci_ecr::RegistryHost;

use super::fields::{Fields, Refused, refuse, shown};
use super::{ImageRequest, Occasion, Registry};

const SUCCESS: &str = "SUCCESS";

const REPLICATION: &str = "ECR Replication Action";

/// Reads an event.
pub(super) fn parse(event: &Map<String, Value>) -> Result<ImageRequest, Refused> {
    let event = Fields::new(event);
    let source = event.required("source")?;
    if source != "aws.ecr" {
        return Err(refuse(format!(
            "source is {}, not \"aws.ecr\"",
            shown(source)
        )));
    }
    let kind = event.required("detail-type")?;
    let arrival: fn(&Fields<'_>) -> Result<bool, Refused> = match kind {
        "ECR Image Action" => pushed,
        "ECR Pull Through Cache Action" => pulled_through,
        REPLICATION => replicated,
        other => {
            return Err(refuse(format!(
                "detail-type is {}; known are \"ECR Image Action\", \"ECR Pull Through Cache Action\" and \"ECR Replication Action\"",
                shown(other)
            )));
        }
    };
    let registry = registry(&event)?;
    let detail = event.object("detail")?;
    Ok(ImageRequest {
        registry,
        repository: detail.repository("repository-name")?,
        tag: detail.tag("image-tag")?,
        digest: detail.digest("image-digest"),
        occasion: Occasion::Event {
            arrived: arrival(&detail)?,
            is_replica: kind == REPLICATION,
            manifest_media_type: detail.media_type("manifest-media-type"),
            artifact_media_type: detail.media_type("artifact-media-type"),
        },
    })
}

fn pushed(detail: &Fields<'_>) -> Result<bool, Refused> {
    let is_push = detail.required("action-type")? == "PUSH";
    Ok(is_push && detail.required("result")? == SUCCESS)
}

fn pulled_through(detail: &Fields<'_>) -> Result<bool, Refused> {
    Ok(detail.required("sync-status")? == SUCCESS)
}

fn replicated(detail: &Fields<'_>) -> Result<bool, Refused> {
    let is_replica = detail.required("action-type")? == "REPLICATE";
    Ok(is_replica && detail.required("result")? == SUCCESS)
}

/// The registry of the event's account and Region. A host is made of them, so they must be able to be parts of one.
fn registry(event: &Fields<'_>) -> Result<Registry, Refused> {
    let (account, region) = (event.required("account")?, event.required("region")?);
    match RegistryHost::new(account, region, soci_ecr::suffix_of(region)) {
        Ok(_) => Ok(Registry {
            account: account.to_owned(),
            region: region.to_owned(),
        }),
        Err(why) => Err(refuse(format!(
            "account {} and region {} are not those of a registry: {why}",
            shown(account),
            shown(region)
        ))),
    }
}
