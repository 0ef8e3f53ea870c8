//! A push as Amazon ECR tells of it: EventBridge's envelope around an "ECR Image Action".

use std::time::SystemTime;

use serde_json::{Value, json};

use crate::registry::Push;

/// An account and a Region that exist in documentation only; the registry is named by its address.
pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-central-1";

/// The event of a push, the `number`th.
pub(super) fn of(push: &Push, number: u64) -> Value {
    json!({
        "version": "0",
        "id": format!("00000000-0000-4000-8000-{number:012x}"),
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": ACCOUNT,
        "time": time(SystemTime::now()),
        "region": REGION,
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": push.repository,
            "action-type": "PUSH",
            // Empty when something was pushed by its digest, as ECR has it.
            "image-tag": push.tag.as_deref().unwrap_or_default(),
            "image-digest": push.digest.to_string(),
            "manifest-media-type": push.media_type,
            "artifact-media-type": push.artifact_type,
        },
    })
}

/// A time in UTC as RFC 3339 writes it.
fn time(at: SystemTime) -> String {
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = seconds.map_or(0, |since| since.as_secs());
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{year}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        days + 1
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use soci_index_builder::{Occasion, Request};
    use soci_registry::Digest;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(time(at), expected);
        }
    }

    #[test]
    fn the_function_understands_it() {
        let mut push = Push {
            repository: "team/app".to_owned(),
            tag: Some("1".to_owned()),
            digest: Digest::of(b"manifest"),
            media_type: soci_registry::OCI_MANIFEST.to_owned(),
            artifact_type: Some("application/vnd.oci.image.config.v1+json".to_owned()),
        };
        let here = soci_index_builder::Registry {
            account: String::new(),
            region: String::new(),
        };
        let parsed = soci_index_builder::parse(&of(&push, 1), &here).expect("an event");
        let Request::Event(image) = parsed else {
            panic!("an event of one image");
        };
        assert_eq!(
            (image.repository.as_str(), image.tag.as_deref()),
            ("team/app", Some("1"))
        );
        assert_eq!(image.digest, Some(push.digest));
        assert!(matches!(
            image.occasion,
            Occasion::Event { arrived: true, .. }
        ));
        push.tag = None;
        let parsed = soci_index_builder::parse(&of(&push, 2), &here).expect("an event");
        assert!(matches!(parsed, Request::Event(image) if image.tag.is_none()));
    }
}
