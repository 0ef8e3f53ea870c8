//! Faults that outlast the deadline: a retryable failure, within a second of it.

use std::sync::Arc;
use std::time::Duration;

use soci_e2e::fault::{Fault, Rule};
use tokio::task::JoinSet;

use super::bench::{Bench, FULL, Plan, wanted};
use super::image;
use super::once::kinds;

/// What a run has. On a machine too busy to come to the fault in that time, it has more.
const PATIENCE: [Duration; 3] = [
    Duration::from_millis(1200),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// What it may take longer.
const LATE: Duration = Duration::from_secs(1);

/// Faults that go on for ever.
const LASTING: [Fault; 8] = [
    Fault::HungUp,
    Fault::Deaf,
    Fault::Cut(500),
    Fault::Stall(900),
    Fault::Drip,
    Fault::Status(503, ""),
    Fault::Status(429, "TOOMANYREQUESTS"),
    Fault::Throttled(30),
];

/// Most of them wait, so some wait beside each other.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_that_outlast_the_deadline_are_retryable_and_end_in_time() {
    let bench = Arc::new(Bench::new(image()).await);
    let undisturbed = bench.undisturbed(FULL).await;
    let mut cases = Vec::new();
    for ask in kinds(&undisturbed).into_keys() {
        // What is written although the answer is lost is found at the next look.
        let is_lost = |fault: &Fault| fault.cuts() || *fault == Fault::Drip;
        for fault in LASTING
            .into_iter()
            .filter(|f| !(ask.writes() && is_lost(f)))
        {
            let name = format!("{fault:?} at {ask:?}");
            let rules = vec![Rule::always(ask, fault)];
            cases.push(Plan::case("deadline", name, rules));
        }
    }
    let mut runs = JoinSet::new();
    for plan in wanted(cases) {
        if runs.len() >= AT_ONCE {
            runs.join_next().await.unwrap().unwrap();
        }
        runs.spawn(ends_in_time(Arc::clone(&bench), plan));
    }
    while let Some(run) = runs.join_next().await {
        run.unwrap();
    }
}

async fn ends_in_time(bench: Arc<Bench>, plan: Plan) {
    for patience in PATIENCE {
        let plan = plan.clone();
        let run = bench
            .run(Plan {
                patience: Some(patience),
                ..plan
            })
            .await;
        run.has_failed(&["transient", "throttled", "deadline"], true);
        let most = patience + LATE;
        assert!(run.elapsed <= most, "{run}  {:?} > {most:?}", run.elapsed);
        if run.faults() > 0 {
            return;
        }
    }
    panic!("{}: the fault is never met", plan.name);
}
