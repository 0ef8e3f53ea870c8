//! The parser and `infra/parameters.json` say the same.

use serde_json::Value;

use super::values::ALLOWED;
use super::*;

const PARAMETERS: &str = include_str!("../../../../infra/parameters.json");

fn parameters() -> Vec<Value> {
    let all: Value = serde_json::from_str(PARAMETERS).expect("infra/parameters.json is JSON");
    all["settings"].as_array().expect("a list").clone()
}

fn read(variables: &[(&str, &str)]) -> Result<Settings, Faults> {
    Settings::from_variables(
        variables
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into())),
    )
}

fn text<'a>(parameter: &'a Value, field: &str) -> &'a str {
    parameter[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {parameter}"))
}

fn examples<'a>(parameter: &'a Value, field: &str) -> Vec<&'a str> {
    let list = parameter[field].as_array();
    let list = list.unwrap_or_else(|| panic!("{field} of {parameter}"));
    list.iter().map(|one| one.as_str().expect("text")).collect()
}

#[test]
fn the_list_of_parameters_names_every_setting() {
    let listed: Vec<_> = parameters()
        .iter()
        .map(|one| {
            (
                text(one, "environment").to_owned(),
                text(one, "allowed").to_owned(),
            )
        })
        .collect();
    let own: Vec<_> = ALLOWED
        .iter()
        .map(|(name, allowed)| ((*name).to_owned(), (*allowed).to_owned()))
        .collect();
    assert_eq!(listed, own);
    for parameter in parameters() {
        assert!(!text(&parameter, "meaning").is_empty());
        let known = ["bytes", "list", "name", "choice", "template"];
        assert!(known.contains(&text(&parameter, "type")), "{parameter}");
    }
}

#[test]
fn the_defaults_of_the_list_are_those_of_the_parser() {
    let untouched = read(&[]).expect("nothing set is right");
    for parameter in parameters() {
        let name = text(&parameter, "environment");
        let default = text(&parameter, "default");
        assert_eq!(
            read(&[(name, default)]).as_ref(),
            Ok(&untouched),
            "{name}={default}"
        );
        assert_eq!(read(&[(name, "")]).as_ref(), Ok(&untouched), "{name} empty");
    }
}

#[test]
fn examples_of_the_list_are_taken_or_refused() {
    let untouched = read(&[]).expect("nothing set is right");
    for parameter in parameters() {
        let name = text(&parameter, "environment");
        for good in examples(&parameter, "taken") {
            let settings = read(&[(name, good)]);
            assert!(settings.is_ok(), "{name}={good}: {settings:?}");
            if good != text(&parameter, "default") {
                assert_ne!(
                    settings.as_ref(),
                    Ok(&untouched),
                    "{name}={good} changes nothing"
                );
            }
        }
        let refused = examples(&parameter, "refused");
        assert!(!refused.is_empty());
        for bad in refused {
            let faults = read(&[(name, bad)]).expect_err(&format!("{name}={bad}"));
            assert_eq!(faults.0.len(), 1, "{faults}");
            assert_eq!(faults.0[0].variable, name);
            assert_eq!(faults.0[0].allowed, text(&parameter, "allowed"));
            assert!(faults.to_string().contains(name), "{faults}");
        }
    }
}

/// Defect A16 of AWS's builder: an unknown setting goes unseen.
#[test]
fn a_setting_that_is_none_is_told() {
    let faults = read(&[("SOCI_OUTPUT_TAGS", "x")]).expect_err("a typing error");
    assert!(
        faults
            .to_string()
            .contains("\"SOCI_OUTPUT_TAGS\" is no setting"),
        "{faults}"
    );
    assert!(faults.to_string().contains("SOCI_OUTPUT_TAG,"), "{faults}");
    read(&[("PATH", "/bin"), ("AWS_REGION", "eu-central-1")])
        .expect("others' variables are theirs");
}

#[test]
fn every_fault_is_told_and_none_breaks_the_line() {
    let faults = read(&[
        ("SOCI_SPAN_BYTES", "12\n{\"forged\":1}"),
        ("SOCI_INDEX_VERSION", "V3"),
        ("SOCI_PASS_THROUGH", "yes"),
    ])
    .expect_err("three faults");
    assert_eq!(faults.0.len(), 3);
    let told = faults.to_string();
    assert!(!told.contains('\n'), "{told}");
    for name in ["SOCI_SPAN_BYTES", "SOCI_INDEX_VERSION", "SOCI_PASS_THROUGH"] {
        assert!(told.contains(name), "{told}");
    }
    use std::os::unix::ffi::OsStringExt as _;
    let broken = OsString::from_vec(vec![0xff, b'x']);
    let faults = Settings::from_variables([("SOCI_OUTPUT_TAG".into(), broken)]);
    assert!(
        faults
            .expect_err("not UTF-8")
            .to_string()
            .contains("is not UTF-8")
    );
}

#[test]
fn filters_have_one_place() {
    let both = read(&[
        ("SOCI_FILTERS", "a:*"),
        ("SOCI_FILTERS_PARAMETER", "/soci/filters"),
    ]);
    assert!(
        both.expect_err("two places")
            .to_string()
            .contains("SOCI_FILTERS_PARAMETER")
    );
    let one = read(&[("SOCI_FILTERS_PARAMETER", "/soci/filters")]).expect("a place");
    assert_eq!(
        one.filters,
        FilterSource::Parameter("/soci/filters".to_owned())
    );
}

#[test]
fn memory_decides_what_is_begun_at_once() {
    let with = |mib| read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", mib)]).expect("AWS's own");
    let small = with("512").index_options();
    assert_eq!(
        (small.concurrency.get(), small.memory_budget_bytes),
        (2, 352 << 20)
    );
    assert_eq!(
        with("128").index_options().memory_budget_bytes,
        LEAST_BUDGET_BYTES
    );
    assert_eq!(with("10240").index_options().concurrency.get(), 6);
    assert!((with("1769").cores() - 1.0).abs() < 1e-9);
}

#[test]
fn the_format_goes_to_whoever_indexes() {
    for (text, format) in [
        ("", IndexFormat::V2),
        ("V2", IndexFormat::V2),
        ("V1", IndexFormat::V1),
    ] {
        let settings = read(&[("SOCI_INDEX_VERSION", text)]).expect("a format");
        assert_eq!(settings.index_options().format, format);
    }
}
