//! What no waiting helps against: a permanent failure of the right kind, soon.

use std::collections::BTreeMap;

use soci_e2e::fault::{Ask, Fault, Rule, When};

use super::bench::{Bench, FULL, Plan, wanted};
use super::image;
use super::once::kinds;

/// Requests that a refusal may cost: one with a renewed token after a 401, one after parts that are missed were stored once more.
const REFUSALS: usize = 2;

/// A new address may be better than the one that a host of blobs refused, so it is tried as often as anything.
const REFUSALS_OF_ADDRESSES: usize = 8;

/// Layers of the image that are read.
const LAYERS: usize = 3;

/// Refusals at a kind of request, and the kind of failure that they are.
pub(super) fn refusals(ask: Ask) -> Vec<(Fault, &'static str)> {
    let mut refusals = match ask.is_at_host() {
        true => vec![
            (Fault::AddressEnded, "denied"),
            (Fault::Status(404, "NoSuchKey"), "not-found"),
        ],
        false => vec![
            (Fault::Status(401, "UNAUTHORIZED"), "denied"),
            (Fault::Status(403, "DENIED"), "denied"),
        ],
    };
    let missing = match ask {
        Ask::LookForTag | Ask::ReadTag | Ask::ReadManifest => "MANIFEST_UNKNOWN",
        Ask::ReadConfig | Ask::ReadLayer => "BLOB_UNKNOWN",
        _ => "NAME_UNKNOWN",
    };
    // That a blob or a manifest to be written is not there is what is expected.
    if !ask.is_at_host() && !matches!(ask, Ask::LookForBlob | Ask::LookForManifest | Ask::Token) {
        refusals.push((Fault::Status(404, missing), "not-found"));
    }
    if ask != Ask::Token && !ask.is_at_host() && !ask.only_looks() {
        refusals.push((Fault::TokenEnded, "denied"));
    }
    if ask.writes() {
        refusals.extend([
            (Fault::Status(403, "QUOTA_EXCEEDED"), "quota"),
            (Fault::Status(400, "LimitExceededException"), "quota"),
            (Fault::Status(413, ""), "quota"),
            (Fault::Status(507, ""), "quota"),
            (Fault::Status(400, "KmsException"), "kms"),
        ]);
    }
    if matches!(ask, Ask::PushManifest | Ask::PushTag) {
        refusals.extend([
            (Fault::Status(400, "LAYERS_NOT_FOUND"), "not-found"),
            (Fault::Status(404, "MANIFEST_BLOB_UNKNOWN"), "not-found"),
        ]);
    }
    if ask == Ask::PushTag {
        refusals.extend([
            (Fault::Status(400, "TAG_INVALID"), "immutable-tag"),
            (
                Fault::Status(400, "ImageTagAlreadyExistsException"),
                "immutable-tag",
            ),
            (Fault::Status(409, ""), "immutable-tag"),
            (Fault::Status(412, ""), "immutable-tag"),
        ]);
    }
    refusals
}

/// The refusal at every request of a kind.
pub(super) fn rule(ask: Ask, fault: Fault) -> Rule {
    // The output tag is not there before the first run, which is no failure; the source tag is.
    let is_about_tags = matches!(ask, Ask::LookForTag | Ask::ReadTag);
    let about = is_about_tags.then(|| "1".to_owned());
    let when = When::Always;
    Rule {
        ask,
        about,
        when,
        fault,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_permanent_failures_without_a_storm() {
    let bench = Bench::new(image()).await;
    let undisturbed = bench.undisturbed(FULL).await;
    let mut cases = Vec::new();
    let mut expected = BTreeMap::new();
    for ask in kinds(&undisturbed).into_keys() {
        for (fault, kind) in refusals(ask) {
            let name = format!("{fault:?} at {ask:?}");
            expected.insert(name.clone(), kind);
            cases.push(Plan::case("for_good", name, vec![rule(ask, fault)]));
        }
    }
    for plan in wanted(cases) {
        let run = bench.run(plan).await;
        run.has_failed(&[expected[&run.plan.name]], false);
        let Rule { ask, fault, .. } = run.plan.rules[0];
        let tries = match fault {
            Fault::AddressEnded => REFUSALS_OF_ADDRESSES,
            _ => REFUSALS,
        };
        // While a zTOC travels, the next layer is read: those of all layers may be on their way at once.
        let at_once = match ask {
            Ask::LookForBlob | Ask::StartUpload | Ask::PushBlob => LAYERS,
            _ => 1,
        };
        let most = tries * at_once;
        assert!(
            (1..=most).contains(&run.faults()),
            "{run}  at most {most} refusals"
        );
        // Nor does anything else storm in its place: tokens, addresses, looks.
        let missed = matches!(
            fault,
            Fault::Status(_, "LAYERS_NOT_FOUND" | "MANIFEST_BLOB_UNKNOWN")
        );
        let all = match missed {
            // Everything of the result is looked for and written once more.
            true => 2 * undisturbed.len(),
            false => undisturbed.len() + 2 * most,
        };
        assert!(run.seen.len() <= all, "{run}  at most {all} requests");
        assert!(run.waits.len() < most, "{run}  it waited: {:?}", run.waits);
    }
}
