//! `soci-index inspect`.

use std::fmt::Write;
use std::{fs, iter};

use anyhow::Context;
use indicatif::HumanBytes;
use soci_index::{InspectedLayer, InspectedPlatform, Inspection};
use soci_registry::Reference;

use super::places::Places;
use super::report;
use super::summary::short;
use crate::args::InspectArgs;
use crate::exit::{Exit, WrongUsage};
use crate::output;
use crate::visible::visible;

pub(crate) async fn run(args: &InspectArgs) -> anyhow::Result<Exit> {
    let image = &args.image;
    check_page(args)?;
    let mut places = Places::new(&args.registry);
    let target = places.target(image).await?;
    let read = async {
        let store = places.open(&image.reference).await?;
        let inspection = soci_index::inspect(&*store, &target, image.text.clone()).await?;
        let page = match &args.html {
            Some(_) => Some(report::page(
                &report::look(&store, inspection.clone()).await?,
            )?),
            None => None,
        };
        anyhow::Ok((inspection, page))
    };
    let (inspection, page) = read
        .await
        .with_context(|| format!("cannot inspect {}", image.text))?;
    if let (Some(path), Some(page)) = (&args.html, page) {
        output::file(path, iter::once(page.as_bytes()))?;
        let bytes = HumanBytes(page.len() as u64);
        output::note(&format!("{}: {bytes}, for a browser", path.display()));
    } else if !args.json {
        output::text(&table(&inspection))?;
    }
    if args.json {
        output::json(&inspection)?;
    }
    Ok(Exit::Done)
}

/// What is wrong with where the page is to go, before any work is done.
fn check_page(args: &InspectArgs) -> anyhow::Result<()> {
    let Some(path) = &args.html else {
        return Ok(());
    };
    if args.json && output::is_stdout(path) {
        let why =
            "--json and --html /dev/stdout would mix two results there; write the page to a file";
        return Err(WrongUsage(why.to_owned()).into());
    }
    output::check_path(path, "--html")?;
    match &args.image.reference {
        Reference::Archive { path: archive, .. } => match fs::metadata(archive) {
            Ok(archive) => output::check_other_than(&archive, "the image", path),
            // That shows again when it is read.
            Err(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn table(inspection: &Inspection) -> String {
    let Inspection { image, digest, .. } = inspection;
    let mut text = format!("{image}: {digest}\n");
    if inspection.platforms.is_empty() {
        text.push_str("no container image\n");
    }
    for platform in &inspection.platforms {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", headline(platform));
        for layer in &platform.layers {
            let _ = writeln!(
                text,
                "  {}  {:>11}  {}",
                short(&layer.digest),
                HumanBytes(layer.size).to_string(),
                state(layer)
            );
        }
    }
    text
}

fn headline(platform: &InspectedPlatform) -> String {
    let InspectedPlatform {
        platform: name,
        index,
        problem,
        layers,
        ..
    } = platform;
    let state = match (index, problem) {
        (_, Some(problem)) => format!("not indexed: {problem}"),
        (None, None) => "not indexed".to_owned(),
        (Some(index), None) => {
            let indexed = layers.iter().filter(|layer| layer.indexed).count();
            let tool = index.build_tool.as_deref().unwrap_or("unknown");
            format!(
                "layers indexed: {indexed} of {}, zTOCs of {}, SOCI index {} {} made by {tool:?}",
                layers.len(),
                HumanBytes(index.size),
                index.format,
                index.digest
            )
        }
    };
    format!("{}: {}, {state}", visible(name), HumanBytes(platform.size))
}

fn state(layer: &InspectedLayer) -> String {
    match (&layer.ztoc, &layer.reason) {
        (Some(ztoc), _) => format!("indexed: zTOC of {}", HumanBytes(ztoc.size)),
        (None, Some(reason)) => format!("not indexed: {reason}"),
        (None, None) => "not indexed".to_owned(),
    }
}
