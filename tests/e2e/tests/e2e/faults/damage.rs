//! Bytes, lengths and digests that stay wrong: one second look, then a permanent failure, and no output tag.

use soci_e2e::fault::{Ask, Rule, When};

use super::bench::{Bench, FULL, PLAIN, Plan, wanted};
use super::image;
use super::once::{DAMAGE, can_be};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_that_stays_is_a_digest_mismatch_after_one_second_look() {
    let bench = Bench::new(image()).await;
    for setup in [FULL, PLAIN] {
        let undisturbed = bench.undisturbed(setup).await;
        let mut cases = Vec::new();
        // The last of each kind: a layer after others, a manifest below the index.
        for ask in [
            Ask::ReadTag,
            Ask::ReadManifest,
            Ask::ReadConfig,
            Ask::ConfigAtHost,
            Ask::ReadLayer,
            Ask::LayerAtHost,
        ] {
            let mut asked = undisturbed.iter().rev().filter(|seen| seen.ask == ask);
            // Of the tags only the source's is there.
            let found = asked.find(|seen| ask != Ask::ReadTag || seen.about == "1");
            let faults = DAMAGE.iter().filter(|fault| can_be(**fault, ask, setup));
            for (fault, seen) in faults.flat_map(|fault| found.map(|seen| (*fault, seen))) {
                let rule = Rule {
                    ask,
                    about: Some(seen.about.clone()),
                    when: When::Always,
                    fault,
                };
                let name = format!("{fault:?} at {ask:?}");
                let plan = Plan::case("damage", name, vec![rule]);
                cases.push(Plan { setup, ..plan });
            }
        }
        for plan in wanted(cases) {
            let run = bench.run(plan).await;
            run.has_failed(&["digest-mismatch"], false);
            assert_eq!(run.faults(), 2, "{run}  it is looked at twice");
        }
    }
}
