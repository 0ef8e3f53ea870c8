//! The fault proxy between the function and a registry: whatever goes wrong on the way, an event ends indexed, by itself or when the
//! service delivers it again. What each fault at each request leads to is the job's matter, and proven of it ([`crate::faults`]).

use std::collections::BTreeSet;

use soci_e2e::aws::{Cloud, push_event};
use soci_e2e::emulator::{Emulator, Failure};
use soci_e2e::fault::{Fault, FaultProxy, Rule, Seen, Setup};
use soci_e2e::{Registry, images, prove, tagged, walk};
use soci_testkit::content::Rng;

use super::{settings, told};
use crate::faults::{DAMAGE, PASSING, can_be};
use crate::seed::seed;

/// The seed of which faults, and where.
const SEED: &str = "SOCI_FUNCTION_FAULT_SEED";

const RUNS: u64 = 30;

/// Faults of a run, at most.
const FAULTS: u64 = 4;

/// Deliveries of an event, as Lambda has them by default.
const TRIES: usize = 3;

const SETUP: Setup = Setup {
    tokens: false,
    redirects: true,
};

/// How long a connection may say nothing is half a minute, and proven of the job with less.
fn is_silence(fault: Fault) -> bool {
    matches!(fault, Fault::Deaf | Fault::Stall(_))
}

fn draw(rng: &mut Rng, undisturbed: &[Seen]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    let wanted = 1 + rng.below(FAULTS) as usize;
    while rules.len() < wanted {
        let seen = &undisturbed[rng.below(undisturbed.len() as u64) as usize];
        let is_damaged = rules.iter().any(|rule| rule.fault.damages());
        let faults: Vec<Fault> = if is_damaged {
            PASSING.to_vec()
        } else {
            [&PASSING[..], &DAMAGE].concat()
        };
        let fault = faults[rng.below(faults.len() as u64) as usize];
        if can_be(fault, seen.ask, SETUP) && !is_silence(fault) {
            rules.push(Rule::nth(seen.ask, 0, fault));
        }
    }
    rules
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_on_the_way_an_event_ends_indexed() {
    let (registry, cloud) = (Registry::docker_in_memory(), Cloud::start());
    let image = images::two_platforms(1, "1");
    let seed = seed(SEED);
    println!("{RUNS} runs from {SEED}={seed}");

    let mut layers = BTreeSet::new();
    let mut expected = None;
    let mut undisturbed = Vec::new();
    let (mut met, mut again) = (0, 0);
    // The first two runs are not disturbed: one tells the layers, one the requests.
    for run in 0..RUNS + 2 {
        let mut rng = Rng::new(seed.wrapping_add(run));
        // Neighbouring seeds must not be alike.
        let mut rng = Rng::new(rng.next_u64());
        let rules = if run < 2 {
            Vec::new()
        } else {
            draw(&mut rng, &undisturbed)
        };
        let words = format!("{SEED}={seed}, run {run}: {rules:?}");
        let proxy = FaultProxy::start(registry.host(), SETUP, layers.clone(), rules).await;
        let repository = format!("run/{run}");
        let store = registry.store(&repository);
        images::push(&*store, &image).await.unwrap();
        let emulator = Emulator::start(&cloud, 60, &settings(proxy.host(), &[])).await;
        let event = push_event(&repository, "1", image.root.digest()).to_string();
        let mut tries = 0;
        let answer = loop {
            tries += 1;
            match emulator.invoke(event.as_bytes()).await {
                Ok(answer) => break answer,
                Err(failure @ (Failure::Reported { .. } | Failure::Silent(_))) => {
                    assert!(tries < TRIES, "{words}: {failure:?}")
                }
                Err(failure) => panic!("{words}: {failure:?}"),
            }
        };
        assert!(
            ["indexed", "already-indexed"].contains(&told(&answer).0),
            "{words}: {answer}"
        );
        let found = walk(&*store, &tagged("1-soci")).await.unwrap();
        assert_eq!(prove(&found).unwrap(), 4, "{words}");
        let expected = expected.get_or_insert_with(|| found.clone());
        assert!(found == *expected, "{words}: the same bytes");
        assert_eq!(store.tags().await.unwrap().len(), 2, "{words}");
        let seen = proxy.seen();
        met += seen.iter().filter(|seen| seen.fault.is_some()).count();
        again += tries - 1;
        if run == 0 {
            for platform in answer["results"][0]["platforms"].as_array().unwrap() {
                let listed = platform["layers"].as_array().unwrap().iter();
                let indexed = listed.filter(|layer| layer["outcome"] == "indexed");
                layers.extend(indexed.map(|layer| layer["digest"].as_str().unwrap().to_owned()));
            }
        }
        if run == 1 {
            undisturbed = seen;
        }
    }
    println!("{met} faults met, {again} events delivered again");
    assert!(met as u64 >= RUNS, "{met} faults in {RUNS} runs");
}
