//! A report for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use indicatif::HumanBytes;
use soci_index::{LayerOutcome, LayerReport, LeftAlone, Outcome, PlatformReport, Report};

use crate::visible::visible;

/// Hexadecimal digits by which people tell digests apart.
const DIGITS: usize = 12;

/// The outcome of an image in a few lines.
pub(crate) fn of(report: &Report) -> String {
    let mut text = headline(report);
    let is_foreseen = report.dry_run && report.outcome != Outcome::AlreadyIndexed;
    for platform in &report.platforms {
        write_platform(&mut text, platform, is_foreseen);
        // There is nothing above it by which it could be found.
        if let (None, Some(index)) = (&report.output, &platform.index) {
            write_line(&mut text, format_args!("    SOCI index {index}"));
        }
    }
    for left in &report.left_alone {
        write_left_alone(&mut text, left);
    }
    if report.outcome == Outcome::Indexed {
        write_bytes(&mut text, report);
    }
    text
}

fn headline(report: &Report) -> String {
    let image = &report.image;
    let reason = report.reason.map_or("", soci_index::Reason::as_str);
    let would = if report.dry_run { "would be " } else { "" };
    let output = report.output.as_ref().map(|output| match &output.digest {
        Some(digest) => format!("{} ({digest})", output.reference),
        None => output.reference.clone(),
    });
    match (report.outcome, output) {
        (Outcome::Indexed, Some(output)) => format!("{would}indexed {image}: {output}\n"),
        (Outcome::AlreadyIndexed, Some(output)) => {
            format!("already indexed {image}: {output}\n")
        }
        (Outcome::Skipped, Some(output)) => {
            let is = if report.dry_run { "would be" } else { "is" };
            format!("{would}skipped {image}: {reason}; {output} {is} the unchanged image\n")
        }
        (Outcome::Skipped, None) => format!("{would}skipped {image}: {reason}\n"),
        (Outcome::AlreadyIndexed, None) => format!("already indexed {image}\n"),
        (outcome, _) => format!("{would}{} {image}\n", outcome.as_str()),
    }
}

fn write_platform(text: &mut String, platform: &PlatformReport, is_foreseen: bool) {
    let layers = &platform.layers;
    let indexed = |layer: &&LayerReport| layer.outcome != LayerOutcome::Skipped;
    let is_indexed = if is_foreseen { "to index" } else { "indexed" };
    write_line(
        text,
        format_args!(
            "  {}: layers {is_indexed}: {} of {}",
            visible(&platform.platform),
            layers.iter().filter(indexed).count(),
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
        return match layer.outcome {
            LayerOutcome::Skipped => {
                format!("skipped: {}", layer.reason.unwrap_or("no reason given"))
            }
            LayerOutcome::Indexed | LayerOutcome::Reused => {
                "to index, if its content allows it".to_owned()
            }
        };
    };
    let verb = match layer.outcome {
        LayerOutcome::Reused => "indexed before",
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

fn write_left_alone(text: &mut String, left: &LeftAlone) {
    let platform = left.platform.as_deref();
    write_line(
        text,
        format_args!(
            "  {}{}: left as it is, an image index inside the image index",
            left.manifest,
            platform.map_or(String::new(), |platform| format!(
                " ({})",
                visible(platform)
            ))
        ),
    );
}

fn write_bytes(text: &mut String, report: &Report) {
    if report.dry_run {
        let bytes = HumanBytes(bytes_to_read(report));
        write_line(text, format_args!("  to read: {bytes}"));
        return;
    }
    write_line(
        text,
        format_args!(
            "  downloaded {}, stored {}, {:.1} s",
            HumanBytes(report.bytes.downloaded),
            HumanBytes(report.bytes.uploaded),
            report.seconds
        ),
    );
}

/// A layer that several platforms have is read once.
fn bytes_to_read(report: &Report) -> u64 {
    let layers = report
        .platforms
        .iter()
        .flat_map(|platform| &platform.layers);
    let to_read = layers.filter(|layer| layer.outcome == LayerOutcome::Indexed);
    let sizes: BTreeMap<_, _> = to_read.map(|layer| (&layer.digest, layer.size)).collect();
    sizes.values().sum()
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
