//! Holds the table's word about the reference to the reference itself.

use soci_conformance::source::{Contents, hex};
use soci_conformance::{Node, Oracle};
use soci_testkit::{OddCase, Reference, odd_cases};

#[test]
fn matches_reference_column_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start().unwrap_or_else(|e| panic!("{e}"));
    let mut wrong = Vec::new();
    for case in odd_cases() {
        let (found, words) = measure(&mut oracle, dir.path(), &case);
        if found != case.reference {
            wrong.push(format!(
                "{}: table says {:?}, measured {found:?}: {words}",
                case.id, case.reference
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn measure(oracle: &mut Oracle, dir: &std::path::Path, case: &OddCase) -> (Reference, String) {
    let (layer, ztoc) = (dir.join("layer"), dir.join("ztoc"));
    std::fs::write(&layer, &case.layer).unwrap();
    let made = oracle.build(
        &layer,
        &ztoc,
        soci_testkit::odd::ODD_SPAN,
        "test",
        case.algorithm.as_str(),
    );
    if let Err(error) = made {
        return (
            Reference::BuilderFails,
            error.refusal().expect("an answer").to_owned(),
        );
    }
    let shown = match oracle.read(&layer, &ztoc) {
        Ok(shown) => shown,
        Err(error) => {
            return (
                Reference::DaemonRefuses,
                error.refusal().expect("an answer").to_owned(),
            );
        }
    };
    let contents: Contents = case
        .files
        .iter()
        .map(|f| (&f.path[..], &f.content[..]))
        .collect();
    let differences = contents.differences(&shown);
    if differences.is_empty() {
        return attribute(case, &shown);
    }
    (Reference::FileWrong, differences.join("; "))
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
