//! `soci-index build`.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use soci_index::{IndexFormat, IndexOptions, Job, Outcome, Report, ReuseFrom};
use soci_registry::Target;
use soci_ztoc::SpanSize;

use super::places::{self, Places};
use super::summary;
use crate::args::{BuildArgs, ImageArg};
use crate::exit::{Exit, WrongUsage};
use crate::output::{self, Mark};
use crate::progress::LayerProgress;

pub(crate) async fn run(args: &BuildArgs) -> anyhow::Result<Exit> {
    let mut places = Places::new(&args.registry);
    let mut options = options(args);
    if options.format == IndexFormat::V1 {
        check_v1(args)?;
    } else {
        check_output_tags(&args.images, &options)?;
    }
    // What is wrong usage for one image is told before another is worked on.
    let mut targets = Vec::with_capacity(args.images.len());
    for image in &args.images {
        targets.push(places.target(image).await?);
    }
    options.reuse_from = reuse_from(&mut places, args).await?;
    let mut worst = Exit::Done;
    for (image, target) in args.images.iter().zip(targets) {
        let report = index(&mut places, image, target, &options).await;
        tell(&report, args.json)?;
        worst = worst.max(exit(report.outcome));
    }
    Ok(worst)
}

/// The image whose zTOCs are to be reused.
async fn reuse_from(places: &mut Places, args: &BuildArgs) -> anyhow::Result<Option<ReuseFrom>> {
    let Some(image) = &args.reuse_from else {
        return Ok(None);
    };
    let target = places.target(image).await?;
    let store = places.open(&image.reference).await;
    let name = image.text.clone();
    Ok(Some(ReuseFrom {
        store: store.with_context(|| format!("cannot reuse from {name}"))?,
        target,
        name,
    }))
}

async fn index(
    places: &mut Places,
    image: &ImageArg,
    target: Target,
    options: &IndexOptions,
) -> Report {
    let store = match places.open(&image.reference).await {
        Ok(store) => store,
        Err(error) => {
            return Report {
                format: options.format.as_str(),
                dry_run: options.dry_run,
                ..Report::failed(image.text.clone(), &error.into())
            };
        }
    };
    let progress = Arc::new(LayerProgress::new());
    let job = Job {
        store,
        target,
        image: image.text.clone(),
        repository: places::repository(&image.reference),
        options: options.clone(),
        progress: Arc::clone(&progress) as _,
    };
    let report = job.run().await;
    progress.close();
    report
}

fn tell(report: &Report, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        output::json(report)?;
    }
    if let Some(error) = &report.error {
        let line = format!("cannot index {}: {error}", report.image);
        output::marked(Mark::Error, &line);
    } else if !as_json {
        output::text(&summary::of(report))?;
    }
    Ok(())
}

fn exit(outcome: Outcome) -> Exit {
    match outcome {
        Outcome::Indexed | Outcome::AlreadyIndexed => Exit::Done,
        Outcome::Skipped => Exit::Skipped,
        Outcome::Failed => Exit::Failed,
    }
}

fn options(args: &BuildArgs) -> IndexOptions {
    let defaults = IndexOptions::default();
    IndexOptions {
        platforms: args.platforms.clone(),
        span_size: SpanSize::from_bytes(args.span_size)
            .expect("the argument parser admits span sizes only"),
        min_layer_bytes: args.min_layer_size,
        min_image_bytes: args.min_image_size,
        build_tool_identifier: args.build_tool_identifier.clone(),
        multi_member: args.multi_member.into(),
        format: args.format.into(),
        output_tag: args.output_tag.clone().unwrap_or(defaults.output_tag),
        force: args.force,
        reuse_foreign: args.reuse_foreign,
        dry_run: args.dry_run,
        concurrency: args.concurrency.unwrap_or(defaults.concurrency),
        ..defaults
    }
}

/// What is wrong usage with v1, and the warning that it comes with.
fn check_v1(args: &BuildArgs) -> Result<(), WrongUsage> {
    if args.output_tag.is_some() {
        let why = "--output-tag cannot be used with --format v1, whose SOCI indexes are found by the image itself";
        return Err(WrongUsage(why.to_owned()));
    }
    output::marked(
        Mark::Warning,
        "new AWS accounts cannot use SOCI indexes v1, AWS Fargate reads only v2 for them",
    );
    Ok(())
}

/// One tag for several images of a repository would be moved from one to the next.
fn check_output_tags(images: &[ImageArg], options: &IndexOptions) -> Result<(), WrongUsage> {
    let is_fixed = matches!(options.output_tag.for_source(None), Ok(Some(_)));
    let mut seen = BTreeSet::new();
    for image in images {
        let repository = places::repository(&image.reference);
        if is_fixed && !seen.insert(places::identity(&image.reference)) {
            return Err(WrongUsage(format!(
                "several images of {repository} cannot have one output tag; write a template with {{tag}} in it"
            )));
        }
    }
    Ok(())
}
