//! Each fault that is over by itself, at each kind of request, once: the image is indexed as if nothing had been.

use std::collections::BTreeMap;

use soci_e2e::fault::{Ask, Fault, Rule, Seen, Setup};
use soci_index::IndexFormat;

use super::bench::{Bench, FULL, PLAIN, Plan, wanted};
use super::image;

/// Faults of connections and servers.
pub(crate) const PASSING: [Fault; 20] = [
    Fault::Refused,
    Fault::HungUp,
    Fault::Deaf,
    Fault::Lost,
    Fault::Cut(1),
    Fault::Cut(370),
    Fault::Cut(1000),
    Fault::Reset(620),
    Fault::Stall(0),
    Fault::Stall(750),
    Fault::Trickle,
    Fault::Status(429, "TOOMANYREQUESTS"),
    Fault::Throttled(2),
    Fault::Status(500, "UNKNOWN"),
    Fault::Status(502, ""),
    Fault::Status(503, "UNAVAILABLE"),
    Fault::Status(408, ""),
    Fault::StoredBut(500),
    Fault::StoredBut(503),
    Fault::TokenEnded,
];

/// Bytes, lengths and digests that are wrong, for once.
pub(crate) const DAMAGE: [Fault; 5] = [
    Fault::WrongByte(400),
    Fault::WrongByte(1000),
    Fault::Short(3),
    Fault::Long(3),
    Fault::WrongDigest,
];

/// Whether a fault is one that can be at a request.
pub(crate) fn can_be(fault: Fault, ask: Ask, setup: Setup) -> bool {
    let redirected = setup.redirects && matches!(ask, Ask::ReadLayer | Ask::ReadConfig);
    match fault {
        // The endpoint itself refuses for good, and a host of blobs knows no tokens.
        Fault::TokenEnded => setup.tokens && ask != Ask::Token && !ask.is_at_host(),
        Fault::AddressEnded => ask.is_at_host(),
        Fault::WrongDigest if ask.only_looks() => true,
        _ if fault.damages() => ask.reads_content() && !redirected,
        _ => true,
    }
}

/// How many requests of each kind a run has.
pub(super) fn kinds(undisturbed: &[Seen]) -> BTreeMap<Ask, usize> {
    let mut kinds = BTreeMap::new();
    for seen in undisturbed {
        *kinds.entry(seen.ask).or_default() += 1;
    }
    kinds
}

/// One case for each fault at each kind of request, at one of the requests of the kind.
fn cases(test: &str, faults: &[Fault], setup: Setup, undisturbed: &[Seen]) -> Vec<Plan> {
    let mut cases = Vec::new();
    for (ask, count) in kinds(undisturbed) {
        for fault in faults.iter().filter(|fault| can_be(**fault, ask, setup)) {
            let nth = cases.len() % count;
            let name = format!("{fault:?} at {ask:?} {nth}");
            let rules = vec![Rule::nth(ask, nth, *fault)];
            let plan = Plan {
                setup,
                ..Plan::case(test, name, rules)
            };
            cases.push(plan);
        }
    }
    cases
}

async fn all_are_indexed(test: &str, faults: &[Fault], setup: Setup, asks: fn(Ask) -> bool) {
    all_are_indexed_as(IndexFormat::V2, test, faults, setup, asks).await;
}

async fn all_are_indexed_as(
    format: IndexFormat,
    test: &str,
    faults: &[Fault],
    setup: Setup,
    asks: fn(Ask) -> bool,
) {
    let bench = Bench::new(image()).await;
    let undisturbed = bench.undisturbed_as(setup, format).await;
    let mut cases = cases(test, faults, setup, &undisturbed);
    cases.retain(|plan| asks(plan.rules[0].ask));
    for plan in wanted(cases) {
        let plan = Plan { format, ..plan };
        let run = bench.run(plan).await;
        assert_eq!(run.faults(), 1, "{run}  the fault is met");
        bench.is_indexed(&run, undisturbed.len());
        if let Some(Fault::Throttled(seconds)) = run.plan.rules.first().map(|rule| rule.fault) {
            let least = std::time::Duration::from_secs(seconds.into());
            assert!(
                run.waits.iter().any(|wait| *wait >= least),
                "{run}  {:?}",
                run.waits
            );
        }
    }
}

/// Defect A6 of AWS's builder, too: what is throttled is not tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_faults_at_each_kind_of_request_end_indexed() {
    all_are_indexed("once::passing", &PASSING, FULL, |_| true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passing_faults_at_a_registry_that_holds_its_blobs_end_indexed() {
    all_are_indexed("once::passing", &PASSING, PLAIN, Ask::reads_content).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_that_ended_are_asked_for_again() {
    all_are_indexed("once::addresses", &[Fault::AddressEnded], FULL, |_| true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_is_gone_at_a_second_look_ends_indexed() {
    for setup in [FULL, PLAIN] {
        all_are_indexed("once::damage", &DAMAGE, setup, |_| true).await;
    }
}

/// Version 1 at a registry without a referrers API, at what its publishing asks that version 2 does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_while_referrers_are_looked_for_and_listed_end_indexed() {
    // The others are asked by both, and their cases are above.
    let asks = |ask| matches!(ask, Ask::ListReferrers | Ask::ReadTag | Ask::PushTag);
    let faults = [&PASSING[..], &DAMAGE].concat();
    all_are_indexed_as(IndexFormat::V1, "once::faults_while", &faults, FULL, asks).await;
}
