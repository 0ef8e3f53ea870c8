//! A report for people.

use std::fmt::Write;

use indicatif::HumanBytes;
use soci_index::{LayerOutcome, LayerReport, Outcome, PlatformReport, Report};

/// Hexadecimal digits by which people tell digests apart.
const DIGITS: usize = 12;

/// The outcome of an image in a few lines.
pub(crate) fn of(report: &Report) -> String {
    let mut text = headline(report);
    for platform in &report.platforms {
        write_platform(&mut text, platform);
    }
    if report.outcome == Outcome::Indexed {
        write_line(
            &mut text,
            format_args!(
                "  downloaded {}, stored {}, {:.1} s",
                HumanBytes(report.bytes.downloaded),
                HumanBytes(report.bytes.uploaded),
                report.seconds
            ),
        );
    }
    text
}

fn headline(report: &Report) -> String {
    let image = &report.image;
    let reason = report.reason.map_or("", soci_index::Reason::as_str);
    let output = report
        .output
        .as_ref()
        .map(|output| format!("{} ({})", output.reference, output.digest));
    match (report.outcome, output) {
        (Outcome::Indexed, Some(output)) => format!("indexed {image}: {output}\n"),
        (Outcome::AlreadyIndexed, Some(output)) => {
            format!("already indexed {image}: {output}\n")
        }
        (Outcome::Skipped, Some(output)) => {
            format!("skipped {image}: {reason}; {output} is the unchanged image\n")
        }
        (Outcome::Skipped, None) => format!("skipped {image}: {reason}\n"),
        (outcome, _) => format!("{} {image}\n", outcome.as_str()),
    }
}

fn write_platform(text: &mut String, platform: &PlatformReport) {
    let layers = &platform.layers;
    let indexed = layers.iter().filter(|layer| layer.ztoc.is_some()).count();
    write_line(
        text,
        format_args!(
            "  {}: layers indexed: {indexed} of {}",
            platform.platform,
            layers.len()
        ),
    );
    for layer in layers {
        write_line(
            text,
            format_args!(
                "    {}  {:>11}  {}",
                short(&layer.digest),
                HumanBytes(layer.size).to_string(),
                outcome(layer)
            ),
        );
    }
}

fn outcome(layer: &LayerReport) -> String {
    let Some(ztoc) = &layer.ztoc else {
        return format!("skipped: {}", layer.reason.unwrap_or("no reason given"));
    };
    let verb = match layer.outcome {
        LayerOutcome::Reused => "reused",
        LayerOutcome::Indexed | LayerOutcome::Skipped => "indexed",
    };
    let mut text = format!("{verb}: zTOC of {}", HumanBytes(ztoc.size));
    for (count, what) in [(ztoc.files, "files"), (ztoc.spans, "spans")] {
        if let Some(count) = count {
            let _ = write!(text, ", {what}: {count}");
        }
    }
    text
}

/// The beginning of a digest.
pub(crate) fn short(digest: &str) -> &str {
    let end = "sha256:".len() + DIGITS;
    digest.get(..end).unwrap_or(digest)
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
