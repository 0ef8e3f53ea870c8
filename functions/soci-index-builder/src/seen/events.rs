//! The result of an image as an event, for whoever deploys it or is to be told.

use std::time::Instant;

use serde_json::json;
use soci_index::Report;

use crate::aws::{Aws, Service};
use crate::payload::ImageRequest;

/// Of the event, for rules to match.
const SOURCE: &str = "soci-index-builder";

/// Of the event, for rules to match.
const DETAIL_TYPE: &str = "SOCI Index Builder Result";

/// Bytes of an event's detail; EventBridge takes 256 KiB for an event in all. A longer one goes without its layers.
const DETAIL_BYTES: usize = 200_000;

/// Tells a bus, and whether it took it. That it did not does not change the image's outcome: it is an error in the log, and counted.
/// `request` is that of the image, if the payload named one.
pub(crate) async fn put(
    aws: &Aws<'_>,
    bus: &str,
    request: Option<&ImageRequest>,
    report: &Report,
    until: Instant,
) -> bool {
    let question = json!({"Entries": [{
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Detail": detail(request, report),
        "EventBusName": bus,
    }]});
    match aws.call(Service::Events, &question, until).await {
        Ok(answer) if answer["FailedEntryCount"] == 0 => return true,
        Ok(answer) => {
            let code = answer["Entries"][0]["ErrorCode"]
                .as_str()
                .unwrap_or_default();
            tracing::error!(bus, code, "the bus did not take the result");
        }
        Err(error) => tracing::error!(bus, %error, "the bus was not told of the result"),
    }
    false
}

/// The report, and the parts of the image's name, which rules can match and a name in one piece cannot be taken apart for.
fn detail(request: Option<&ImageRequest>, report: &Report) -> String {
    let write = |report: &Report| {
        let mut detail = json!(report);
        detail["account"] = json!(request.map(|request| &request.registry.account));
        detail["region"] = json!(request.map(|request| &request.registry.region));
        detail["repository"] = json!(request.map(|request| &request.repository));
        detail["tag"] = json!(request.and_then(|request| request.tag.as_ref()));
        detail.to_string()
    };
    let whole = write(report);
    if whole.len() <= DETAIL_BYTES {
        return whole;
    }
    let mut shorter = report.clone();
    for platform in &mut shorter.platforms {
        platform.layers.clear();
    }
    write(&shorter)
}

#[cfg(test)]
mod tests {
    use soci_index::Outcome;

    use super::*;
    use crate::example::platform;
    use crate::payload::{Occasion, Registry};

    fn request() -> ImageRequest {
        ImageRequest {
            registry: Registry {
                account: "123456789012".to_owned(),
                region: "eu-central-1".to_owned(),
            },
            repository: "team/api".to_owned(),
            tag: Some("1".to_owned()),
            digest: None,
            occasion: Occasion::Wish,
        }
    }

    #[test]
    fn an_event_names_the_image_in_parts_and_fits() {
        let mut report = Report::empty("h/team/api:1".to_owned(), Outcome::Indexed);
        for (platforms, layers) in [(1, 100), (128, 0)] {
            report.platforms = vec![platform(100); platforms];
            let detail = detail(Some(&request()), &report);
            assert!(detail.len() <= DETAIL_BYTES);
            let read: serde_json::Value = serde_json::from_str(&detail).expect("JSON");
            assert_eq!(
                (&read["repository"], &read["tag"]),
                (&json!("team/api"), &json!("1"))
            );
            assert_eq!(read["outcome"], "indexed");
            let found = read["platforms"][0]["layers"].as_array().map(Vec::len);
            assert_eq!(found, Some(layers));
        }
    }

    #[test]
    fn a_payload_that_names_no_image_is_told_of_too() {
        let report = Report::empty("(payload)".to_owned(), Outcome::Failed);
        let read: serde_json::Value = serde_json::from_str(&detail(None, &report)).expect("JSON");
        assert_eq!(
            (&read["repository"], &read["image"]),
            (&json!(null), &json!("(payload)"))
        );
    }
}
