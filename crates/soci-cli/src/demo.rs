//! `soci-index demo`.

use std::sync::Arc;

use anyhow::Context;
use soci_demo::{Audience, Ending, Given, Options, Plan, What};
use soci_index::DEFAULT_MIN_LAYER_BYTES;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::DemoArgs;
use crate::exit::Exit;
use crate::images::places::Places;
use crate::output;
use crate::progress::{LayerProgress, Progress};

pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let what = match &args.image {
        None => What::Made(Plan::of_this_machine()),
        Some(image) => {
            let mut places = Places::new(&args.registry);
            let target = places.target(image).await?;
            let store = places.open(&image.reference).await;
            let name = image.text.clone();
            What::Given(Given {
                store: store.with_context(|| format!("cannot open {name}"))?,
                target,
                name,
            })
        }
    };
    let options = Options {
        port: args.port,
        what,
        keep: args.keep,
        min_layer_bytes: DEFAULT_MIN_LAYER_BYTES,
        after_indexing: None,
    };
    let ending = soci_demo::run(options, Arc::new(Terminal), end()?).await?;
    Ok(match ending {
        Ending::Proven => Exit::Done,
        Ending::Skipped => Exit::Skipped,
    })
}

/// Somebody wants to end: Ctrl-C, a closed terminal, or a polite kill. All of them leave time to tidy up.
fn end() -> anyhow::Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut signals = [
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
        listen(SignalKind::hangup())?,
    ];
    Ok(async move {
        let [interrupt, terminate, hang_up] = signals.each_mut().map(Signal::recv);
        tokio::select! {
            _ = interrupt => {}
            _ = terminate => {}
            _ = hang_up => {}
        }
    })
}

/// Tells of it where the other commands tell.
struct Terminal;

impl Audience for Terminal {
    fn say(&self, line: &str) {
        // Whoever closed standard output still wants to know by the exit code how it ended.
        let _ = output::aside(|| output::bytes(format!("{line}\n").as_bytes()));
    }

    fn step(&self, what: &str, bytes: u64) -> Box<dyn Fn(u64) + Send + Sync> {
        let bar = Progress::new(what, Some(bytes));
        Box::new(move |bytes| bar.advance(bytes))
    }

    fn layers(&self) -> Arc<dyn soci_index::Progress> {
        Arc::new(LayerProgress::new())
    }
}
