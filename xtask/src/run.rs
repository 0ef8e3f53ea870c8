//! Goes through the tiers and sums up.
//!
//! A failed tier does not stop the later ones: one run tells everything that is wrong. A tier whose tools are missing
//! is red as well, because a test that was not run proves nothing; `--allow-missing` lets a person, but never CI, pass
//! over it.

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::beside::Beside;
use crate::console;
use crate::tiers::{TIERS, Tier};
use crate::tools;
use crate::workspace::Workspace;

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Options {
    /// Let tiers whose tools are missing pass as "could not run" (ignored when CI=true).
    #[arg(long)]
    allow_missing: bool,
    /// Run this tier only; may be given several times.
    #[arg(long, value_name = "TIER", value_parser = PossibleValuesParser::new(TIERS.iter().map(|tier| tier.name)))]
    only: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    /// The names of the missing tools.
    CouldNotRun(Vec<&'static str>),
}

struct Report {
    tier: &'static Tier,
    outcome: Outcome,
    took: Duration,
}

/// Runs the chosen tiers. Success means that every one of them passed, or was passed over with permission.
pub(crate) fn test(workspace: &Workspace, options: &Options) -> ExitCode {
    let chosen: Vec<_> = TIERS
        .iter()
        .filter(|tier| is_chosen(tier, &options.only))
        .collect();
    console::heading("what the tests need");
    let mut needed: Vec<_> = chosen.iter().flat_map(|tier| tier.needs).copied().collect();
    needed.sort_by_key(|tool| tool.name);
    needed.dedup();
    tools::prepare(&needed);

    let start = Instant::now();
    let reports = run_tiers(workspace, &chosen);
    let lenient = options.allow_missing && !in_ci();
    summarise(&reports, start.elapsed(), lenient);
    if reports
        .iter()
        .all(|report| is_green(&report.outcome, lenient))
    {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn is_chosen(tier: &Tier, only: &[String]) -> bool {
    only.is_empty() || only.iter().any(|name| name == tier.name)
}

fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// One after the other; those that run beside others are waited for at the end.
fn run_tiers(workspace: &Workspace, chosen: &[&'static Tier]) -> Vec<Report> {
    let mut reports = Vec::new();
    let mut beside = Vec::new();
    for &tier in chosen {
        let start = Instant::now();
        if tier.beside && chosen.len() > 1 {
            beside.push((tier, start, Beside::start(workspace, tier.name)));
        } else {
            reports.push(reported(tier, start, || outcome_of(workspace, tier)));
        }
    }
    for (tier, start, started) in beside {
        reports.push(reported(tier, start, || {
            outcome(started.and_then(Beside::end))
        }));
    }
    reports
}

fn reported(tier: &'static Tier, start: Instant, run: impl FnOnce() -> Outcome) -> Report {
    console::heading(&format!("{}: {}", tier.name, tier.proves));
    let outcome = run();
    match &outcome {
        Outcome::Passed => {}
        Outcome::Failed(error) => console::line(&format!("failed: {error}")),
        Outcome::CouldNotRun(missing) => {
            console::line(&format!("could not run: no {}", missing.join(", no ")))
        }
    }
    Report {
        tier,
        outcome,
        took: start.elapsed(),
    }
}

fn outcome_of(workspace: &Workspace, tier: &Tier) -> Outcome {
    let missing: Vec<_> = tier
        .needs
        .iter()
        .filter(|tool| !tool.is_present())
        .map(|tool| tool.name)
        .collect();
    if !missing.is_empty() {
        return Outcome::CouldNotRun(missing);
    }
    outcome(tier.steps.iter().try_for_each(|step| step.run(workspace)))
}

fn outcome(result: anyhow::Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(error) => Outcome::Failed(format!("{error:#}")),
    }
}

fn summarise(reports: &[Report], took: Duration, lenient: bool) {
    console::heading("summary");
    for report in reports {
        console::line(&summary_line(report));
    }
    let red: Vec<_> = reports
        .iter()
        .filter(|report| !is_green(&report.outcome, lenient))
        .collect();
    let names = |reports: &[&Report]| {
        reports
            .iter()
            .map(|report| report.tier.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let passed_over: Vec<_> = reports
        .iter()
        .filter(|report| report.outcome != Outcome::Passed)
        .collect();
    let verdict = if !red.is_empty() {
        format!("red: {}", names(&red))
    } else if !passed_over.is_empty() {
        format!("green, but passed over: {}", names(&passed_over))
    } else {
        "green".to_owned()
    };
    console::line(&format!("{verdict} after {} s", took.as_secs()));
}

fn summary_line(report: &Report) -> String {
    let (word, why) = match &report.outcome {
        Outcome::Passed => ("passed", String::new()),
        Outcome::Failed(error) => ("failed", format!("  {error}")),
        Outcome::CouldNotRun(missing) => {
            ("could not run", format!("  no {}", missing.join(", no ")))
        }
    };
    let line = format!(
        "{:<12} {word:<14} {:>7.1} s{why}",
        report.tier.name,
        report.took.as_secs_f64()
    );
    line.trim_end().to_owned()
}

fn is_green(outcome: &Outcome, lenient: bool) -> bool {
    match outcome {
        Outcome::Passed => true,
        Outcome::Failed(_) => false,
        Outcome::CouldNotRun(_) => lenient,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tiers::Step;

    static FAILS_FIRST: Tier = Tier {
        name: "sample",
        proves: "nothing",
        needs: &[],
        steps: &[
            Step::Check("fails", |_| anyhow::bail!("first step")),
            Step::Check("unreached", |_| anyhow::bail!("second step")),
        ],
        beside: false,
    };

    #[test]
    fn the_first_failing_step_names_the_failure() {
        let workspace = Workspace::find().expect("cargo knows this workspace");
        assert_eq!(
            outcome_of(&workspace, &FAILS_FIRST),
            Outcome::Failed("first step".into())
        );
    }

    #[test]
    fn missing_tools_are_red_unless_allowed() {
        let outcome = Outcome::CouldNotRun(vec!["pigz"]);
        assert!(!is_green(&outcome, false));
        assert!(is_green(&outcome, true));
    }

    #[test]
    fn a_failure_is_red_even_when_lenient() {
        assert!(!is_green(&Outcome::Failed("why".into()), true));
    }

    #[test]
    fn only_picks_tiers_by_name() {
        assert!(is_chosen(&FAILS_FIRST, &[]));
        assert!(is_chosen(&FAILS_FIRST, &["sample".into()]));
        assert!(!is_chosen(&FAILS_FIRST, &["other".into()]));
    }

    #[test]
    fn the_summary_names_every_missing_tool() {
        let outcome = Outcome::CouldNotRun(vec!["Go", "pigz"]);
        let report = Report {
            tier: &FAILS_FIRST,
            outcome,
            took: Duration::from_millis(1500),
        };
        assert_eq!(
            summary_line(&report),
            "sample       could not run      1.5 s  no Go, no pigz"
        );
    }
}
