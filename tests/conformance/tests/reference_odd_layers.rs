//! The table of odd layers, held to the reference, to our builder and to the decision page.

use std::collections::BTreeSet;
use std::path::Path;

use soci_conformance::desk::TOOL;
use soci_conformance::source::hex;
use soci_conformance::{Contents, Desk, Node, Ours, ours};
use soci_testkit::odd::ODD_SPAN;
use soci_testkit::{Expect, OddCase, Reference, odd_cases};

/// Beside this crate, so that the test finds it wherever the repository lies.
const PAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../docs/decisions/odd-layers.md"
);

#[test]
fn matches_reference_as_the_table_says_about_the_reference() {
    let mut desk = Desk::new();
    all_right(odd_cases().iter().filter_map(|case| {
        let (found, words) = measure(&mut desk, case);
        let differs = found != case.reference;
        differs.then(|| {
            format!(
                "{}: table says {:?}, found {found:?}: {words}",
                case.id, case.reference
            )
        })
    }));
}

#[test]
fn matches_reference_or_differs_as_the_table_says_about_us() {
    let mut desk = Desk::new();
    all_right(odd_cases().iter().filter_map(|case| {
        check_ours(&mut desk, case)
            .err()
            .map(|words| format!("{}: {words}", case.id))
    }));
}

#[test]
fn the_decision_page_prints_the_table() {
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    let is_row = |line: &&str| {
        ["| ", "| case ", "| --- "].map(|p| line.starts_with(p)) == [true, false, false]
    };
    let printed: BTreeSet<&str> = page.lines().filter(is_row).collect();
    let rows: Vec<String> = odd_cases().iter().map(OddCase::row).collect();
    let expected: BTreeSet<&str> = rows.iter().map(|row| &**row).collect();
    let missing: Vec<&&str> = expected.difference(&printed).collect();
    let surplus: Vec<&&str> = printed.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "docs/decisions/odd-layers.md and the case table differ.\nNot on the page:\n{missing:#?}\nOnly on the page:\n{surplus:#?}"
    );
}

/// Every refusal that the reference would not have made has its proof in the reference's own failure. The one exception is
/// a matter of policy, not of right or wrong.
#[test]
fn no_layer_is_refused_that_the_reference_reads_right() {
    let refused = odd_cases().into_iter().filter(|case| {
        let policy = case.expect == Expect::NotIndexable("multi-member-gzip");
        !policy
            && !matches!(case.expect, Expect::Indexed { .. })
            && case.reference == Reference::Right
    });
    assert_eq!(
        refused.map(|case| case.id).collect::<Vec<_>>(),
        Vec::<&str>::new()
    );
}

fn all_right(wrong: impl Iterator<Item = String>) {
    let wrong: Vec<String> = wrong.collect();
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn contents(case: &OddCase) -> Contents {
    case.files
        .iter()
        .map(|f| (&f.path[..], &f.content[..]))
        .collect()
}

fn check_ours(desk: &mut Desk, case: &OddCase) -> Result<(), String> {
    let built = ours::build(&case.layer, ODD_SPAN, TOOL, case.multi_member);
    match (&built, case.expect) {
        (
            Ours::Indexed(ztoc),
            Expect::Indexed {
                same_bytes_as_reference,
            },
        ) => {
            let layer = desk.write("layer", &case.layer);
            let reference = desk
                .reference(&layer, ODD_SPAN, case.algorithm.as_str())
                .ok();
            if same_bytes_as_reference != (reference.as_ref() == Some(ztoc)) {
                return Err(format!(
                    "same bytes as the reference: {}",
                    !same_bytes_as_reference
                ));
            }
            let wrong = desk.daemon_differences(&layer, ztoc, &contents(case));
            if wrong.is_empty() {
                Ok(())
            } else {
                Err(format!("through our zTOC: {}", wrong.join("; ")))
            }
        }
        (Ours::NotIndexable(reason), Expect::NotIndexable(expected)) if reason == expected => {
            Ok(())
        }
        (Ours::Damaged(_), Expect::Damaged) => Ok(()),
        (Ours::Indexed(_), expected) => Err(format!("table says {expected:?}, found a zTOC")),
        (found, expected) => Err(format!("table says {expected:?}, found {found:?}")),
    }
}

fn measure(desk: &mut Desk, case: &OddCase) -> (Reference, String) {
    let layer = desk.write("layer", &case.layer);
    let ztoc = match desk.reference(&layer, ODD_SPAN, case.algorithm.as_str()) {
        Ok(ztoc) => ztoc,
        Err(error) => {
            return (
                Reference::BuilderFails,
                error.refusal().expect("an answer").to_owned(),
            );
        }
    };
    let shown = match read(desk, &layer, &ztoc) {
        Ok(shown) => shown,
        Err(words) => return (Reference::DaemonRefuses, words),
    };
    let differences = contents(case).differences(&shown);
    if differences.is_empty() {
        attribute(case, &shown)
    } else {
        (Reference::FileWrong, differences.join("; "))
    }
}

fn read(desk: &mut Desk, layer: &Path, ztoc: &[u8]) -> Result<Vec<Node>, String> {
    let ztoc = desk.write("ztoc", ztoc);
    desk.oracle
        .read(layer, &ztoc)
        .map_err(|e| e.refusal().expect("an answer").to_owned())
}

fn attribute(case: &OddCase, shown: &[Node]) -> (Reference, String) {
    let Some(wanted) = case.attribute else {
        return (Reference::Right, String::new());
    };
    let found = match shown.iter().find(|n| n.path == hex(wanted.path.as_bytes())) {
        None => "absent".to_owned(),
        Some(node) => match wanted.name {
            "type" => node.kind.clone(),
            "mod_time" => node.mod_time.clone(),
            "uid" => node.uid.to_string(),
            other => panic!("no attribute {other}"),
        },
    };
    let reference = if found == wanted.right {
        Reference::Right
    } else {
        Reference::AttributeWrong
    };
    (
        reference,
        format!("{} of {} is {found}", wanted.name, wanted.path),
    )
}
