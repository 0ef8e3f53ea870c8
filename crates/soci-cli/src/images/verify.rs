//! `soci-index verify`.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::Context;
use indicatif::HumanBytes;
use soci_index::{
    Level, PlatformVerdict, Proof, Verification, VerifiedIndex, VerifiedZtoc, VerifyOptions,
};

use super::places::Places;
use super::summary::short;
use crate::args::VerifyArgs;
use crate::exit::Exit;
use crate::output;
use crate::progress::LayerProgress;

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
        output::bytes(text(&verification).as_bytes())?;
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
    for finding in findings {
        let _ = writeln!(text, "wrong: {finding}");
    }
    for platform in platforms {
        write_platform(&mut text, platform, *level);
    }
    text
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
    let name = &platform.platform;
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
        Level::Structure => format!("spans: {spans}, entries: {files}"),
        Level::Sample | Level::Full => format!(
            "spans right: {checked_spans} of {spans}, entries right: {checked_files} of {files}"
        ),
    }
}
