//! Metrics in CloudWatch's embedded format: one line for each image, from which CloudWatch makes metrics without a call.
//!
//! | metric | unit | says |
//! |---|---|---|
//! | `Indexed`, `AlreadyIndexed`, `Skipped`, `Failed`, `FailedForNow` | Count | 1 for the image's outcome, 0 for the others; `Failed` is for good, `FailedForNow` is tried again |
//! | `BytesDownloaded`, `BytesUploaded` | Bytes | moved for the image |
//! | `Seconds` | Seconds | taken for the image |
//! | `PeakMemory` | Bytes | the most that the process has held so far |
//! | `ColdStart` | Count | 1 for the first invocation of an environment |
//! | `ResultEventLost` | Count | 1 when the result's event bus was to be told and did not take it |
//!
//! All of them have the dimension `FunctionName`; the one of `Skipped`, `Failed` and `FailedForNow` that an image counts for also comes by
//! `FunctionName` and `Detail`, which is the reason or kind: each pair of a metric and a detail is a metric that AWS charges for, so there are
//! none that are always 0. Image and request are properties: they can be searched for, and make no metric of their own.

use std::time::SystemTime;

use metrique_writer_core::entry::{Entry, EntryWriter};
use metrique_writer_core::format::Format as _;
use metrique_writer_core::unit::{NegativeScale, PositiveScale, Unit};
use metrique_writer_core::value::{MetricFlags, Observation, Value, ValueWriter};
use metrique_writer_format_emf::{Emf, MetricDefinition, MetricDirective};
use soci_index::{Outcome, Report};

/// In CloudWatch.
const NAMESPACE: &str = "SociIndexBuilder";

/// What a line is made of.
pub(crate) struct ImageMetrics<'a> {
    pub(crate) report: &'a Report,
    pub(crate) function_name: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) cold_start: bool,
    pub(crate) event_lost: bool,
    pub(crate) at: SystemTime,
}

impl ImageMetrics<'_> {
    /// The line, with its end.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = Vec::new();
        if let Err(error) = format(self.by_detail()).format(self, &mut line) {
            tracing::error!(%error, "metrics cannot be formatted");
            line.clear();
        }
        line
    }

    fn detail(&self) -> Option<&'static str> {
        let reason = self.report.reason.map(soci_index::Reason::as_str);
        reason.or(self.report.kind)
    }

    /// The metric that comes by reason or kind as well.
    fn by_detail(&self) -> Option<&'static str> {
        match (self.report.outcome, self.report.retryable) {
            (Outcome::Skipped, _) => Some("Skipped"),
            (Outcome::Failed, Some(true)) => Some("FailedForNow"),
            (Outcome::Failed, _) => Some("Failed"),
            (Outcome::Indexed | Outcome::AlreadyIndexed, _) => None,
        }
    }

    fn is(&self, outcome: Outcome, retryable: bool) -> Measure {
        let own = self.report.retryable.unwrap_or_default();
        Measure::count(self.report.outcome == outcome && own == retryable)
    }
}

/// The formatter: all metrics by function, this one by reason or kind too.
fn format(by_detail: Option<&str>) -> Emf {
    let builder = Emf::builder(NAMESPACE.to_owned(), vec![vec!["FunctionName".to_owned()]]);
    let Some(name) = by_detail else {
        return builder.build();
    };
    let metric = MetricDefinition {
        name,
        unit: Unit::Count,
        storage_resolution: None,
    };
    let directive = MetricDirective {
        dimensions: vec![vec!["FunctionName", "Detail"]],
        metrics: vec![metric],
        namespace: NAMESPACE,
    };
    builder.directive(directive).build()
}

impl Entry for ImageMetrics<'_> {
    fn write<'a>(&'a self, writer: &mut impl EntryWriter<'a>) {
        writer.timestamp(self.at);
        writer.value("FunctionName", self.function_name);
        writer.value("RequestId", self.request_id);
        writer.value("Image", self.report.image.as_str());
        writer.value("Outcome", self.report.outcome.as_str());
        if let Some(detail) = self.detail() {
            writer.value("Detail", detail);
        }
        writer.value("Indexed", &self.is(Outcome::Indexed, false));
        writer.value("AlreadyIndexed", &self.is(Outcome::AlreadyIndexed, false));
        writer.value("Skipped", &self.is(Outcome::Skipped, false));
        writer.value("Failed", &self.is(Outcome::Failed, false));
        writer.value("FailedForNow", &self.is(Outcome::Failed, true));
        let bytes = &self.report.bytes;
        writer.value("BytesDownloaded", &Measure::bytes(bytes.downloaded));
        writer.value("BytesUploaded", &Measure::bytes(bytes.uploaded));
        writer.value("Seconds", &Measure::seconds(self.report.seconds));
        if let Some(peak) = peak_memory_bytes() {
            writer.value("PeakMemory", &Measure::bytes(peak));
        }
        writer.value("ColdStart", &Measure::count(self.cold_start));
        writer.value("ResultEventLost", &Measure::count(self.event_lost));
    }
}

/// A number with its unit.
struct Measure(Observation, Unit);

impl Measure {
    fn count(is: bool) -> Measure {
        Measure(Observation::Unsigned(is.into()), Unit::Count)
    }

    fn bytes(bytes: u64) -> Measure {
        Measure(Observation::Unsigned(bytes), Unit::Byte(PositiveScale::One))
    }

    fn seconds(seconds: f64) -> Measure {
        Measure(
            Observation::Floating(seconds),
            Unit::Second(NegativeScale::One),
        )
    }
}

impl Value for Measure {
    fn write(&self, writer: impl ValueWriter) {
        writer.metric([self.0], self.1, [], MetricFlags::empty());
    }
}

/// The most memory that the process has held, from the kernel's own book.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use serde_json::{Value, json};
    use soci_documents::{Page, table};

    use super::*;

    fn line(report: &Report) -> Value {
        let metrics = ImageMetrics {
            report,
            function_name: "soci",
            request_id: "5f0a",
            cold_start: true,
            event_lost: false,
            at: SystemTime::UNIX_EPOCH,
        };
        let line = metrics.line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&line).expect("a line is JSON")
    }

    #[test]
    fn a_failure_counts_by_function_and_by_kind() {
        let report = Report {
            kind: Some("corrupt-layer"),
            retryable: Some(false),
            seconds: 1.5,
            ..Report::empty("h/r:t".to_owned(), Outcome::Failed)
        };
        let line = line(&report);
        for (name, expected) in [
            ("Failed", json!(1)),
            ("FailedForNow", json!(0)),
            ("Indexed", json!(0)),
            ("Detail", json!("corrupt-layer")),
            ("Outcome", json!("failed")),
            ("Seconds", json!(1.5)),
            ("ColdStart", json!(1)),
            ("ResultEventLost", json!(0)),
            ("Image", json!("h/r:t")),
            ("RequestId", json!("5f0a")),
        ] {
            assert_eq!(line[name], expected, "{name} of {line}");
        }
        assert!(line["PeakMemory"].as_u64() > Some(1 << 20), "{line}");
        let directives = line["_aws"]["CloudWatchMetrics"]
            .as_array()
            .expect("a list");
        assert_eq!(directives[0]["Namespace"], NAMESPACE);
        assert_eq!(directives[0]["Dimensions"], json!([["FunctionName"]]));
        let units: Vec<_> = directives[0]["Metrics"].as_array().expect("a list").clone();
        assert!(
            units.contains(&json!({"Name": "BytesDownloaded", "Unit": "Bytes"})),
            "{units:?}"
        );
        assert!(
            units.contains(&json!({"Name": "Seconds", "Unit": "Seconds"})),
            "{units:?}"
        );
        assert_eq!(
            directives[1]["Dimensions"],
            json!([["FunctionName", "Detail"]])
        );
        assert_eq!(
            directives[1]["Metrics"],
            json!([{"Name": "Failed", "Unit": "Count"}])
        );
    }

    /// Each metric by detail is charged for on its own.
    #[test]
    fn only_what_is_counted_comes_by_detail() {
        let failed = |retryable| Report {
            kind: Some("transient"),
            retryable: Some(retryable),
            ..Report::empty("h/r:t".to_owned(), Outcome::Failed)
        };
        let skipped = Report {
            reason: Some(soci_index::Reason::NotMatched),
            ..Report::empty("h/r:t".to_owned(), Outcome::Skipped)
        };
        for (report, expected) in [
            (failed(true), "FailedForNow"),
            (failed(false), "Failed"),
            (skipped, "Skipped"),
        ] {
            let line = line(&report);
            let by_detail = &line["_aws"]["CloudWatchMetrics"][1]["Metrics"];
            assert_eq!(by_detail, &json!([{"Name": expected, "Unit": "Count"}]));
            assert_eq!(line[expected], 1, "{line}");
        }
    }

    /// docs/outcomes.md has a row for each metric, with its unit, and no other.
    #[test]
    fn the_documents_name_every_metric() {
        let line = line(&Report::empty("h/r:t".to_owned(), Outcome::Indexed));
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let written: BTreeSet<_> = metrics
            .expect("a list")
            .iter()
            .map(|metric| (text(&metric["Name"]), text(&metric["Unit"])))
            .collect();
        let page = Page::read(Path::new("docs/outcomes.md"));
        let rows = table::under(&page, "Metrics");
        let told = rows
            .iter()
            .map(|row| (table::word(&row[0]).to_owned(), row[1].clone()));
        assert_eq!(told.collect::<BTreeSet<_>>(), written);
    }

    #[test]
    fn a_success_has_no_detail() {
        let line = line(&Report::empty("h/r:t".to_owned(), Outcome::Indexed));
        assert_eq!((&line["Indexed"], &line["Failed"]), (&json!(1), &json!(0)));
        assert_eq!(line.get("Detail"), None);
        let directives = line["_aws"]["CloudWatchMetrics"].as_array();
        assert_eq!(directives.map(Vec::len), Some(1), "{line}");
    }
}
