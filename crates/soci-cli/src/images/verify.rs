//! `soci-index verify`.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::Context;
use indicatif::HumanBytes;
use soci_index::{
    Fault, Finding, IndexFormat, Level, Place, PlatformVerdict, Proof, Verification, VerifiedIndex,
    VerifiedZtoc, VerifyOptions,
};
use soci_ztoc::VerifyError;

use super::places::Places;
use super::summary::short;
use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::output;
use crate::progress::LayerProgress;
use crate::visible::visible;

/// What the default template puts behind the image's own tag.
const RESULT: &str = "-soci";

pub(crate) async fn run(args: &VerifyArgs) -> anyhow::Result<Exit> {
    let image = &args.image;
    let mut places = Places::new(&args.registry);
    let target = places.target(image).await?;
    let options = options(args);
    let read = async {
        let store = places.open(&image.reference).await?;
        let verified = soci_index::verify(&store, &target, image.text.clone(), &options);
        anyhow::Ok(verified.await?)
    };
    let verification = read
        .await
        .with_context(|| format!("cannot verify {}", image.text))?;
    if args.json {
        output::json(&verification)?;
    } else {
        output::text(&text(&verification))?;
    }
    Ok(match verification.verdict {
        Proof::Proven => Exit::Done,
        Proof::NotProven | Proof::NoIndex => Exit::Failed,
    })
}

fn options(args: &VerifyArgs) -> VerifyOptions {
    VerifyOptions {
        level: match (args.structure, args.full) {
            (true, _) => Level::Structure,
            (_, true) => Level::Full,
            _ => Level::Sample,
        },
        platforms: args.platforms.clone(),
        progress: Arc::new(LayerProgress::new()),
        ..VerifyOptions::default()
    }
}

fn text(verification: &Verification) -> String {
    let Verification {
        image,
        digest,
        level,
        verdict,
        unchanged_from,
        findings,
        platforms,
    } = verification;
    let mut text = format!("{image}: {}, {digest}\n", words(*verdict, *level));
    // Writing to a string cannot fail.
    if let Some(tag) = unchanged_from {
        let _ = writeln!(
            text,
            "it is the unchanged image of tag {tag}: there was nothing to index"
        );
    }
    if let Some(remedy) = remedy(verification) {
        let _ = writeln!(text, "what to do: {remedy}");
    }
    for finding in findings {
        let _ = writeln!(text, "wrong: {finding}");
    }
    for platform in platforms {
        write_platform(&mut text, platform, *level);
    }
    text
}

/// What helps, where something is wrong or missing.
fn remedy(verification: &Verification) -> Option<String> {
    let Verification {
        image,
        verdict,
        unchanged_from,
        findings,
        platforms,
        ..
    } = verification;
    let of_platforms = platforms.iter().flat_map(|platform| &platform.findings);
    let mut wrong = findings.iter().chain(of_platforms);
    let mut indexes = platforms.iter().flat_map(|platform| &platform.indexes);
    match verdict {
        Proof::Proven => None,
        Proof::NoIndex => unchanged_from.is_none().then(|| {
            format!(
                "verify the tag of the result, by default the image's own with {RESULT} behind it; or index the image: soci-index build {image}"
            )
        }),
        Proof::NotProven if wrong.all(is_of_image) => Some(
            "parts of the image itself are missing or damaged: push it again, then index it again"
                .to_owned(),
        ),
        Proof::NotProven if indexes.any(|index| index.format == IndexFormat::V1.as_str()) => {
            Some(format!(
                "delete the SOCI index that is wrong by its digest, since v1 only ever adds one, then index again: soci-index build --format v1 --force {image}"
            ))
        }
        Proof::NotProven => {
            let source = image.strip_suffix(RESULT).unwrap_or("IMAGE");
            Some(format!("index it again: soci-index build --force {source}"))
        }
    }
}

/// Whether indexing cannot help against it.
fn is_of_image(finding: &Finding) -> bool {
    let is_damaged = |error: &VerifyError| matches!(error, VerifyError::Layer(_));
    match &finding.fault {
        Fault::PlatformEmpty => true,
        Fault::Content { error, .. } => is_damaged(error),
        _ => matches!(finding.place, Place::Layer(_) | Place::Config(_)),
    }
}

fn words(verdict: Proof, level: Level) -> String {
    match (verdict, level) {
        (Proof::NoIndex, _) => "no SOCI index".to_owned(),
        (Proof::NotProven, _) => "not proven".to_owned(),
        (Proof::Proven, Level::Structure) => "proven, without a look into layers".to_owned(),
        (Proof::Proven, Level::Sample) => "proven by a sample".to_owned(),
        (Proof::Proven, Level::Full) => "proven in full".to_owned(),
    }
}

fn write_platform(text: &mut String, platform: &PlatformVerdict, level: Level) {
    let name = visible(&platform.platform);
    let verdict = words(platform.verdict, level);
    let _ = writeln!(text, "{name}: {verdict}");
    for index in &platform.indexes {
        write_index(text, index, platform.layers, level);
    }
    for finding in &platform.findings {
        let _ = writeln!(text, "  wrong: {finding}");
    }
}

fn write_index(text: &mut String, index: &VerifiedIndex, layers: usize, level: Level) {
    let VerifiedIndex {
        digest,
        format,
        ztocs,
    } = index;
    let _ = writeln!(
        text,
        "  SOCI index {digest} ({format}), layers with a zTOC: {} of {layers}",
        ztocs.len()
    );
    for ztoc in ztocs {
        let _ = writeln!(
            text,
            "    {}  {:>11}  {}",
            short(&ztoc.layer),
            HumanBytes(ztoc.layer_size).to_string(),
            amount(ztoc, level)
        );
    }
}

fn amount(ztoc: &VerifiedZtoc, level: Level) -> String {
    let VerifiedZtoc {
        spans,
        checked_spans,
        files,
        checked_files,
        ..
    } = ztoc;
    match level {
        // One that can be read has one span at least.
        _ if *spans == 0 => "cannot be read".to_owned(),
        Level::Structure => format!("spans: {spans}, entries: {files}"),
        Level::Sample | Level::Full => format!(
            "spans right: {checked_spans} of {spans}, entries right: {checked_files} of {files}"
        ),
    }
}
