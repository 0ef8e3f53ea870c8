//! `soci-index match`.

use soci_index::Verdict;

use crate::args::MatchArgs;
use crate::exit::Exit;
use crate::output::{self, Mark};

pub(crate) fn run(args: &MatchArgs) -> anyhow::Result<Exit> {
    for filter in args.filters.iter() {
        if !filter.excludes() && filter.repositories().is_none() {
            let text =
                format!("the function refuses {filter}: it has no ':' between repository and tag");
            output::marked(Mark::Warning, &text);
        }
    }
    let mut worst = Exit::Done;
    for image in &args.images {
        let (exit, verdict) = match args.filters.judge(&image.name) {
            Verdict::Chosen(Some(filter)) => (Exit::Done, format!("matches {filter}")),
            Verdict::Chosen(None) => (Exit::Done, "matches, no filter excludes it".to_owned()),
            Verdict::Excluded(filter) => (Exit::Skipped, format!("excluded by {filter}")),
            Verdict::NotNamed => (Exit::Skipped, "matches no filter".to_owned()),
        };
        output::bytes(format!("{}: {verdict}\n", image.text).as_bytes())?;
        worst = worst.max(exit);
    }
    Ok(worst)
}
