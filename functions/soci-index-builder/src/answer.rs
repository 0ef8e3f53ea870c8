//! What an invocation ends as: an answer with the results of all images, or the error by which Lambda tries it again.
//!
//! Both are bounded. An answer that Lambda does not take is a failed invocation, of which trying again changes nothing. An error stands beside
//! the event in the failure queue, in one message: one that is too long for that loses the event.

use serde_json::{Value, json};
use soci_index::Report;

use crate::invocation::InvocationFailed;

/// Bytes of an answer. Lambda takes 6 MB; AWS Lambda developer guide, "Lambda quotas".
const ANSWER_BYTES: usize = 5_000_000;

/// Bytes of the results in an error. A message of the failure queue may have to do with 256 KiB, event included, and quotes are escaped in it.
const ERROR_BYTES: usize = 64_000;

/// The answer. Where it gets too long, results tell no more of their platforms than the log does.
///
/// # Errors
/// When an image failed for now: one is enough, and trying again costs those that are done next to nothing.
pub(crate) fn of(reports: &[Report]) -> Result<Value, InvocationFailed> {
    let for_now = |report: &&Report| report.retryable == Some(true);
    let Some(first) = reports.iter().find(for_now) else {
        let whole = json!({"results": reports});
        return Ok(match whole.to_string().len() <= ANSWER_BYTES {
            true => whole,
            false => json!({"results": without_platforms(reports)}),
        });
    };
    let error = first.error.as_deref().unwrap_or_default();
    let message = match reports.len() {
        1 => format!("{}: {error}", first.image),
        all => format!(
            "{} of {all} images failed for now, the first of them {}: {error}; {}",
            reports.iter().filter(for_now).count(),
            first.image,
            results(reports)
        ),
    };
    Err(InvocationFailed {
        kind: first.kind.unwrap_or("transient"),
        message,
    })
}

/// All results, as far as they fit into an error.
fn results(reports: &[Report]) -> String {
    let whole = || json!(reports).to_string();
    let shorter = || json!(without_platforms(reports)).to_string();
    let fits = |text: &String| text.len() <= ERROR_BYTES;
    let fitting = Some(whole()).filter(fits);
    match fitting.or_else(|| Some(shorter()).filter(fits)) {
        Some(results) => format!("all results: {results}"),
        None => "all results are in the log".to_owned(),
    }
}

fn without_platforms(reports: &[Report]) -> Vec<Report> {
    let shorten = |report: &Report| Report {
        platforms: Vec::new(),
        left_alone: Vec::new(),
        ..report.clone()
    };
    reports.iter().map(shorten).collect()
}

#[cfg(test)]
mod tests {
    use soci_index::Outcome;

    use super::*;
    use crate::example::platform;

    /// As many images as a request may have, each of two platforms with so many layers.
    fn reports(layers: usize) -> Vec<Report> {
        let report = Report {
            platforms: vec![platform(layers); 2],
            ..Report::empty("h/team/api:1".to_owned(), Outcome::Indexed)
        };
        vec![report; 1_000]
    }

    fn failed_for_now() -> Report {
        Report {
            kind: Some("throttled"),
            retryable: Some(true),
            error: Some("429".to_owned()),
            ..Report::empty("h/team/api:2".to_owned(), Outcome::Failed)
        }
    }

    #[test]
    fn an_answer_has_all_results_and_is_one_that_lambda_takes() {
        for (layers, platforms) in [(1, 2), (30, 0)] {
            let answer = of(&reports(layers)).expect("nothing failed");
            assert!(answer.to_string().len() <= ANSWER_BYTES);
            let results = answer["results"].as_array().expect("a list");
            assert_eq!(results.len(), 1_000);
            let told = results[999]["platforms"].as_array().map(Vec::len);
            assert_eq!(told, Some(platforms), "{layers} layers");
        }
    }

    #[test]
    fn an_error_names_what_failed_and_fits_beside_its_event() {
        for (others, told) in [
            (1, "\"too-small\""),
            (50, "\"platforms\":[]"),
            (999, "in the log"),
        ] {
            let mut reports = reports(5);
            reports.truncate(others);
            reports.push(failed_for_now());
            let error = of(&reports).expect_err("one failed for now");
            assert_eq!(error.kind, "throttled");
            let beginning = format!(
                "1 of {} images failed for now, the first of them h/team/api:2: 429; all results",
                others + 1
            );
            assert!(error.message.starts_with(&beginning), "{others} others");
            assert!(error.message.contains(told), "{others} others");
            assert!(error.message.len() <= ERROR_BYTES + 200);
        }
        let alone = of(&[failed_for_now()]).expect_err("it failed");
        assert_eq!(alone.message, "h/team/api:2: 429");
    }
}
