//! What is told of each step, for people: a word, then what happened.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::path::Path;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use serde_json::Value;
use soci_index::Verification;
use soci_registry::Tag;

use crate::function::Done;
use crate::image::{Image, Plan};
use crate::memory;
use crate::proof::Proven;

/// Hexadecimal digits by which people tell digests apart, behind their algorithm.
const DIGEST_CHARS: usize = "sha256:".len() + 12;

fn line(word: &str, what: impl Display) -> String {
    format!("{word:<10} {what}")
}

fn count(number: usize, one: &str, more: &str) -> String {
    let what = if number == 1 { one } else { more };
    format!("{} {what}", HumanCount(number as u64))
}

/// Time, and speed where that was long enough to tell one.
fn pace(bytes: u64, time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let per_second = HumanBytes((bytes as f64 / seconds.max(0.001)) as u64);
    format!("{seconds:.1} s, {per_second}/s")
}

pub(crate) fn registry(host: &str, folder: &Path) -> String {
    let folder = folder.display();
    line(
        "registry",
        format_args!("{host}, its files in {folder} until the end"),
    )
}

pub(crate) fn image(image: &Image, plan: &Plan, time: Duration) -> String {
    let what = format!(
        "{} of this machine, {} in {} for {}; {} compressed; {}",
        count(image.files(), "file", "files"),
        HumanBytes(image.archive_bytes()),
        count(image.layers.len(), "layer", "layers"),
        count(plan.platforms.len(), "platform", "platforms"),
        HumanBytes(image.compressed_bytes()),
        pace(image.archive_bytes(), time),
    );
    line("image", what)
}

pub(crate) fn pushed(name: &str, bytes: u64, time: Duration) -> String {
    line("pushed", format_args!("{name}; {}", pace(bytes, time)))
}

pub(crate) fn event(repository: &str, tag: &Tag) -> String {
    line(
        "event",
        format_args!("push of {repository}:{tag}, as Amazon ECR tells of it, to the function"),
    )
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn number(value: &Value, field: &str) -> u64 {
    value[field].as_u64().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The function's report on the image.
pub(crate) fn report(report: &Value) -> String {
    let outcome = text(report, "outcome");
    let seconds = report["seconds"].as_f64().unwrap_or_default();
    let read = number(&report["bytes"], "downloaded");
    let mut told = match report["reason"].as_str() {
        Some(reason) => line(outcome, reason),
        None => {
            let output = text(&report["output"], "reference");
            let pace = pace(read, Duration::from_secs_f64(seconds));
            line(
                outcome,
                format_args!("{output}; {} of layers read in {pace}", HumanBytes(read)),
            )
        }
    };
    let mut known = BTreeMap::new();
    for platform in list(&report["platforms"]) {
        let name = text(platform, "platform");
        write_line(&mut told, format_args!("  {name}"));
        for layer in list(&platform["layers"]) {
            let first = known.insert(text(layer, "digest"), name);
            write_line(&mut told, format_args!("    {}", of_layer(layer, first)));
        }
    }
    told
}

/// A layer, and the platform that had it before.
fn of_layer(layer: &Value, first: Option<&str>) -> String {
    let digest = text(layer, "digest");
    let digest = digest.get(..DIGEST_CHARS).unwrap_or(digest);
    let size = HumanBytes(number(layer, "size")).to_string();
    let ztoc = &layer["ztoc"];
    let what = match (first, layer["reason"].as_str()) {
        (Some(first), _) => format!("shared with {first}"),
        (None, Some(reason)) => format!("no zTOC: {reason}"),
        (None, None) => format!(
            "zTOC of {}: {}, {}",
            HumanBytes(number(ztoc, "size")),
            count(number(ztoc, "files") as usize, "entry", "entries"),
            count(number(ztoc, "spans") as usize, "span", "spans"),
        ),
    };
    format!("{digest}  {size:>11}  {what}")
}

fn write_line(text: &mut String, line: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, "\n{line}");
}

/// What became of events other than that of the image: parts of it, and what the function wrote.
pub(crate) fn own_events(own: &[Done]) -> String {
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for done in own {
        *outcomes.entry(ended(done)).or_default() += 1;
    }
    let each: Vec<_> = outcomes
        .iter()
        .map(|(how, number)| format!("{number} {how}"))
        .collect();
    let what = count(own.len(), "event", "events");
    line(
        "quiet",
        format_args!(
            "{what} of the image's parts and the function's own writes ended: {}",
            each.join(", ")
        ),
    )
}

fn ended(done: &Done) -> String {
    match &done.result {
        Err(failed) => format!("failed ({failed})"),
        Ok(report) => match report["reason"].as_str().or(report["kind"].as_str()) {
            Some(why) => format!("{} ({why})", text(report, "outcome")),
            None => text(report, "outcome").to_owned(),
        },
    }
}

pub(crate) fn proven(proven: &Proven, time: Duration) -> String {
    let Proven {
        files,
        other_files,
        file_bytes,
        alone,
        start,
    } = proven;
    let mut told = line(
        "proven",
        format_args!(
            "{} read through zTOCs, each with the SHA-256 that it has on the disk; {alone} of them once more alone; {}",
            count(*files, "file", "files"),
            pace(*file_bytes, time)
        ),
    );
    if *other_files > 0 {
        let files = count(*other_files, "file", "files");
        write_line(
            &mut told,
            line(
                "",
                format_args!("{files} of layers without a zTOC, fetched whole: right too"),
            ),
        );
    }
    if let Some(start) = start {
        let fetched = start.fetched.bytes + start.ztoc_bytes;
        let share = 100.0 * fetched as f64 / start.layer_bytes.max(1) as f64;
        let what = format!(
            "for {} ({}) of {}: {} of {} and zTOCs of {}, {share:.1} % of the layers' {}",
            start.name,
            HumanBytes(start.size),
            start.platform,
            count(start.fetched.spans, "span", "spans"),
            HumanBytes(start.fetched.bytes),
            HumanBytes(start.ztoc_bytes),
            HumanBytes(start.layer_bytes),
        );
        write_line(&mut told, line("lazy start", what));
    }
    told
}

pub(crate) fn verified(verified: &Verification, time: Duration) -> String {
    let indexes = verified
        .platforms
        .iter()
        .flat_map(|platform| &platform.indexes);
    let ztocs: Vec<_> = indexes.flat_map(|index| &index.ztocs).collect();
    let spans = ztocs.iter().map(|ztoc| ztoc.checked_spans).sum();
    let bytes = ztocs.iter().map(|ztoc| ztoc.layer_size).sum();
    let what = format!(
        "{} in full against their layers: {}, every entry; {}",
        count(ztocs.len(), "zTOC", "zTOCs"),
        count(spans, "span", "spans"),
        pace(bytes, time)
    );
    line("proven", what)
}

pub(crate) fn end(host: &str, repository: &str, output: &Tag) -> String {
    let mut told = String::new();
    if let Some(bytes) = memory::peak_bytes() {
        let what = format!(
            "at most {}, of registry, function and proof together",
            HumanBytes(bytes)
        );
        told = line("memory", what) + "\n";
    }
    told + &line("deploy", format_args!("{host}/{repository}:{output}"))
}

pub(crate) fn invitation(host: &str) -> String {
    let mut told = line(
        "listening",
        "every further push is indexed; Ctrl-C ends it. For example:",
    );
    for example in [
        format!(
            "skopeo copy --all --dest-tls-verify=false docker://IMAGE docker://{host}/my/app:1"
        ),
        format!("crane copy --insecure IMAGE {host}/my/app:1"),
        format!("docker tag IMAGE {host}/my/app:1 && docker push {host}/my/app:1"),
    ] {
        write_line(&mut told, line("", example));
    }
    told
}

/// What became of a push. Of what has no tag nothing is told: these are parts of something that has one.
pub(crate) fn of_push(host: &str, done: &Done) -> Option<String> {
    let tag = done.push.tag.as_deref()?;
    let name = format!("{host}/{}:{tag}", done.push.repository);
    let ended = ended(done);
    Some(match &done.result {
        Ok(report) => {
            let output = report["output"]["reference"].as_str();
            let output = output.map_or_else(String::new, |output| format!(": {output}"));
            let error = report["error"].as_str();
            let error = error.map_or_else(String::new, |error| format!(": {error}"));
            line("pushed", format_args!("{name}, {ended}{output}{error}"))
        }
        Err(_) => line("pushed", format_args!("{name}, {ended}")),
    })
}
