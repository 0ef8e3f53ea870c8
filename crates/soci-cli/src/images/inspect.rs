//! `soci-index inspect`.

use std::fmt::Write;

use anyhow::Context;
use indicatif::HumanBytes;
use soci_index::{InspectedLayer, InspectedPlatform, Inspection};

use super::places::Places;
use super::summary::short;
use crate::args::InspectArgs;
use crate::exit::Exit;
use crate::output;
use crate::visible::visible;

pub(crate) async fn run(args: &InspectArgs) -> anyhow::Result<Exit> {
    let image = &args.image;
    let mut places = Places::new(&args.registry);
    let target = places.target(image).await?;
    let read = async {
        let store = places.open(&image.reference).await?;
        anyhow::Ok(soci_index::inspect(&*store, &target, image.text.clone()).await?)
    };
    let inspection = read
        .await
        .with_context(|| format!("cannot inspect {}", image.text))?;
    if args.json {
        output::json(&inspection)?;
    } else {
        output::text(&table(&inspection))?;
    }
    Ok(Exit::Done)
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
