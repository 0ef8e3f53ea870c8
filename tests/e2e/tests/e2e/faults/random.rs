//! Faults at random: which, where, how many, at which place of an answer, under which setup. All of it follows from the seed.

use std::collections::BTreeMap;
use std::time::Instant;

use soci_e2e::fault::{Ask, Fault, Rule, Seen, Setup, When};
use soci_testkit::content::Rng;

use super::bench::{Bench, Plan};
use super::for_good;
use super::image;
use super::once::{DAMAGE, PASSING, can_be};
use crate::seed;

/// The seed of the first run; those after it count up.
const SEED: &str = "SOCI_FAULT_SEED";

/// How many runs there are.
const RUNS: &str = "SOCI_FAULT_RUNS";

/// Runs of a full test.
const DEFAULT_RUNS: u64 = 200;

/// Faults in a run, at most.
const FAULTS: u64 = 4;

/// One run in so many ends with a refusal that is for good.
const REFUSED: u64 = 5;

/// What a seed stands for.
struct Draw {
    plan: Plan,
    /// The kind of failure in which it must end, if it must.
    refusal: Option<&'static str>,
}

fn setup(rng: &mut Rng) -> Setup {
    let (tokens, redirects) = (rng.below(2) == 0, rng.below(2) == 0);
    Setup { tokens, redirects }
}

fn draw(seed: u64, undisturbed: &BTreeMap<Setup, Vec<Seen>>) -> Draw {
    let mut rng = Rng::new(seed);
    // Neighbouring seeds must not be alike.
    let mut rng = Rng::new(rng.next_u64());
    let setup = setup(&mut rng);
    let concurrency = 1 + rng.below(2) as usize;
    // In the order of their names, so that what is drawn does not hang on who came first when two layers were read at once.
    let mut requests: Vec<(Ask, &str)> = undisturbed[&setup]
        .iter()
        .map(|seen| (seen.ask, seen.about.as_str()))
        .collect();
    requests.sort_unstable();
    let pick = |rng: &mut Rng| requests[rng.below(requests.len() as u64) as usize];
    let mut rules = Vec::new();
    let mut refusal = None;
    if rng.below(REFUSED) == 0 {
        let (ask, _) = pick(&mut rng);
        let kinds = for_good::refusals(ask);
        if !kinds.is_empty() {
            let (fault, kind) = kinds[rng.below(kinds.len() as u64) as usize];
            rules.push(for_good::rule(ask, fault));
            refusal = Some(kind);
        }
    }
    let wanted = rules.len() as u64 + 1 + rng.below(FAULTS);
    while (rules.len() as u64) < wanted {
        let (ask, about) = pick(&mut rng);
        // Two damages could meet in one layer, which is permanent.
        let is_damaged = rules.iter().any(|rule: &Rule| rule.fault.damages());
        let fault = fault(&mut rng, is_damaged);
        if can_be(fault, ask, setup) {
            let about = (ask != Ask::StartUpload).then(|| about.to_owned());
            // Most are asked for once; the second time is after another fault, or never.
            let is_again = !rules.is_empty() && rng.below(4) == 0;
            let when = When::Nth(usize::from(is_again));
            rules.push(Rule {
                ask,
                about,
                when,
                fault,
            });
        }
    }
    let name = format!("seed {seed}");
    let command = format!(
        "{SEED}={seed} {RUNS}=1 cargo test -p soci-e2e --test e2e -- faults::random --nocapture"
    );
    let plan = Plan {
        setup,
        rules,
        concurrency,
        command,
        ..Plan::case("", name, Vec::new())
    };
    Draw { plan, refusal }
}

fn fault(rng: &mut Rng, is_damaged: bool) -> Fault {
    let at = rng.below(1001) as u16;
    let few = 1 + rng.below(40) as usize;
    let number = rng.below((PASSING.len() + DAMAGE.len() + 1) as u64) as usize;
    let damage = number
        .checked_sub(PASSING.len() + 1)
        .filter(|_| !is_damaged);
    match (PASSING.get(number), damage) {
        (Some(Fault::Cut(_)), _) => Fault::Cut(at),
        (Some(Fault::Reset(_)), _) => Fault::Reset(at),
        (Some(Fault::Stall(_)), _) => Fault::Stall(at),
        (Some(fault), _) => *fault,
        (None, None) => Fault::AddressEnded,
        (None, Some(damage)) => match DAMAGE[damage] {
            Fault::WrongByte(_) => Fault::WrongByte(at),
            Fault::Short(_) => Fault::Short(few),
            Fault::Long(_) => Fault::Long(few),
            other => other,
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_at_random_end_as_they_must() {
    let first = seed::seed(SEED);
    let runs = seed::number(RUNS).unwrap_or(DEFAULT_RUNS);
    println!("{runs} runs from {SEED}={first}");
    let bench = Bench::new(image()).await;
    let mut undisturbed = BTreeMap::new();
    for (tokens, redirects) in [(true, true), (true, false), (false, true), (false, false)] {
        let setup = Setup { tokens, redirects };
        undisturbed.insert(setup, bench.undisturbed(setup).await);
    }
    let begun = Instant::now();
    let (mut faults, mut refused) = (0, 0);
    for seed in (0..runs).map(|run| first.wrapping_add(run)) {
        let Draw { plan, refusal } = draw(seed, &undisturbed);
        let usual = undisturbed[&plan.setup].len();
        let run = bench.run(plan).await;
        faults += run.faults();
        assert!(run.faults() > 0, "{run}  a fault is met");
        match refusal {
            None => bench.is_indexed(&run, usual),
            Some(kind) => {
                run.has_failed(&[kind], false);
                refused += 1;
            }
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{runs} runs in {seconds:.0} s: {faults} faults, {refused} runs refused for good");
}
