//! Which events wake the function: the patterns of both roads in EventBridge's own engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text};
use soci_deploy::moto::Moto;
use soci_deploy::ruler::{budget, judge};
use soci_deploy::template::Stack;
use soci_deploy::terraform::Copied;
use soci_index::{Filters, Verdict};

const FIXTURES: &str = "functions/soci-index-builder/src/payload/fixtures";

/// Each event of the function's fixtures, and the patterns that it is to match. What is pushed without a tag is for version 1; a SOCI index
/// is for nobody; a chart passes, since only the manifest tells charts from images where the media type is missing.
const EXPECTED: [(&str, &[&str]); 15] = [
    ("delete", &[]),
    ("pull-through", &["arrivals V1", "arrivals V2"]),
    ("pull-through-failed", &[]),
    ("push", &["push V1", "push V2"]),
    ("push-as-in-the-user-guide", &["push V1", "push V2"]),
    ("push-failed", &[]),
    ("push-of-a-chart", &["push V1", "push V2"]),
    ("push-of-a-child", &["push V1"]),
    (
        "push-of-a-docker-image-with-unknown-fields",
        &["push V1", "push V2"],
    ),
    ("push-of-a-soci-index", &[]),
    ("push-of-an-index", &["push V1", "push V2"]),
    // A tag that is null is no empty text to EventBridge; the function passes it over.
    ("push-without-optional-fields", &["push V1", "push V2"]),
    ("replication", &["arrivals V1", "arrivals V2"]),
    ("replication-failed", &[]),
    ("restore", &[]),
];

/// Lists of filters of every shape that the module makes conditions of.
const FILTERS: [&[&str]; 12] = [
    &["*:*"],
    &["team-a/*:*"],
    &["team-a/api:v1"],
    &["*:latest", "*:v*"],
    &["team-a/*:*", "team-b/app:v*"],
    &["team-[ab]/app-?:v[0-9]*"],
    &["*/app:*", "*-base:*-slim"],
    &["a*b*c:*x*"],
    &["team-a/api:*", "*:*"],
    &["**:**", "x:y"],
    &["[!t]*:*"],
    &[
        "*a*:*", "*b*:*", "*c*:*", "*d*:*", "*e*:*", "*f*:*", "*g*:*", "*h*:*",
    ],
];

/// What the module makes of a list of filters.
struct Case {
    filters: &'static [&'static str],
    version: &'static str,
    push: Value,
    arrivals: Value,
    repository_arns: Vec<String>,
}

/// All lists in both versions, planned at once.
fn cases() -> &'static [Case] {
    // A failure in here is every test's, at once.
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let moto = Moto::start();
        let copied = Copied::with_aws(&moto);
        let mut wanted = Vec::new();
        let (mut modules, mut outputs) = (Vec::new(), json!({}));
        for version in ["V1", "V2"] {
            for filters in FILTERS {
                let name = format!("c{}", modules.len());
                let inputs = json!({
                    "name": name, "zip_path": copied.zip(), "filters": filters, "index_version": version,
                    "index_other_arrivals": true,
                    // The policy is the same in both versions, so that one of them need not be planned.
                    "create": version == "V2",
                });
                outputs[&name] = json!({"value": [
                    format!("${{module.{name}.event_patterns}}"),
                    format!("${{module.{name}.repository_arns}}"),
                ]});
                modules.push((name.clone(), inputs));
                wanted.push((name, filters, version));
            }
        }
        copied.write_root(&modules, &outputs);
        copied.init("root");
        let plan = copied.run("root", &["plan", "-no-color", "-lock=false", "-out=plan"]);
        let _ = plan.success();
        let shown = copied.run("root", &["show", "-json", "plan"]).success();
        let shown: Value = serde_json::from_str(&shown).expect("JSON");
        let outputs = &shown["planned_values"]["outputs"];
        let case = |(name, filters, version): (String, _, _)| {
            let value = &outputs[&name]["value"];
            let pattern = |rule| {
                let pattern = text(&value[0], rule);
                assert!(
                    pattern.len() <= 2_048,
                    "{filters:?}: {} characters",
                    pattern.len()
                );
                serde_json::from_str(pattern).expect("a pattern is JSON")
            };
            Case {
                filters,
                version,
                push: pattern("push"),
                arrivals: pattern("arrivals"),
                repository_arns: facts::texts(&json!({"arns": value[1]}), "arns"),
            }
        };
        wanted.into_iter().map(case).collect()
    });
    &CASES
}

/// The patterns of the list, by rule and version.
fn listed() -> BTreeMap<String, Value> {
    let facts = facts::json("infra/event-patterns.json");
    let mut patterns = BTreeMap::new();
    for rule in list(&facts, "rules") {
        for version in ["V1", "V2"] {
            patterns.insert(
                format!("{} {version}", text(rule, "name")),
                rule[version].clone(),
            );
        }
    }
    patterns
}

fn fixtures() -> BTreeMap<String, Value> {
    let folder = facts::root().join(FIXTURES);
    let entries = std::fs::read_dir(folder)
        .expect("there are fixtures")
        .flatten();
    let read = entries.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let event = facts::json(&format!("{FIXTURES}/{name}"));
        (name.trim_end_matches(".json").to_owned(), event)
    });
    read.filter(|(_, event)| event["source"].is_string())
        .collect()
}

#[test]
fn the_template_has_the_patterns_of_the_list() {
    let listed = listed();
    for version in ["V1", "V2"] {
        let stack = Stack::new(&[
            ("SociIndexVersion", version),
            ("IndexOtherArrivals", "true"),
        ]);
        for (resource, rule) in [("PushRule", "push"), ("ArrivalsRule", "arrivals")] {
            let pattern = &stack.properties(resource).expect("it is there")["EventPattern"];
            assert_eq!(
                *pattern,
                listed[&format!("{rule} {version}")],
                "{rule} {version}"
            );
        }
    }
    assert_eq!(Stack::new(&[]).properties("ArrivalsRule"), None);
}

#[test]
fn the_module_has_the_patterns_of_the_list_and_narrower_ones() {
    let listed = listed();
    let mut narrow = 0;
    for case in cases() {
        let version = case.version;
        assert_eq!(case.arrivals, listed[&format!("arrivals {version}")]);
        let mut pattern = case.push.clone();
        let wide = &listed[&format!("push {version}")];
        if pattern == *wide {
            continue;
        }
        narrow += 1;
        // Without what narrows it, it is the list's: nothing else got lost or came in.
        let detail = pattern["detail"].as_object_mut().expect("an object");
        for field in ["$or", "repository-name", "image-tag"] {
            detail.remove(field);
        }
        let mut wide = wide.clone();
        wide["detail"]
            .as_object_mut()
            .expect("an object")
            .remove("image-tag");
        assert_eq!(pattern, wide, "{:?}", case.filters);
    }
    // All but those with a filter that takes everything, and `[!t]*`, which a pattern cannot tell from it.
    assert_eq!(narrow, 16);
}

#[test]
fn every_event_of_the_fixtures_wakes_as_it_should() {
    let fixtures = fixtures();
    let named: BTreeSet<_> = EXPECTED
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let found: BTreeSet<_> = fixtures.keys().cloned().collect();
    assert_eq!(named, found, "each event has its row in EXPECTED");
    let judged = judge(&listed(), &fixtures);
    for (event, expected) in EXPECTED {
        let matching = judged.iter().filter(|(_, one)| one.matches.contains(event));
        let matching: Vec<_> = matching.map(|(pattern, _)| pattern.as_str()).collect();
        assert_eq!(matching, expected, "{event}");
    }
}

/// Events of pushes, of all combinations of these.
fn pushes() -> BTreeMap<String, Value> {
    let push = facts::json(&format!("{FIXTURES}/push.json"));
    let repositories = [
        "team-a/api",
        "team-a/app-1",
        "team-b/app",
        "team-b/app-22",
        "other",
        "x",
        "deep/er/app",
        "go-base",
        "abc",
        "a-b-c",
    ];
    let tags = [
        "v1", "v2.0", "latest", "V1__RC", "1-slim", "xx", "y", "v1-soci", "",
    ];
    let mut events = BTreeMap::new();
    for repository in repositories {
        for tag in tags {
            let mut event = push.clone();
            event["detail"]["repository-name"] = json!(repository);
            event["detail"]["image-tag"] = json!(tag);
            events.insert(format!("{repository}:{tag}"), event);
        }
    }
    events
}

/// Whatever the function would index must wake it; narrow patterns lose nothing.
#[test]
fn no_image_that_the_filters_choose_is_lost_by_a_narrow_pattern() {
    let name = |case: &Case| format!("{} {}", case.version, case.filters.join(","));
    let patterns = cases().iter().map(|case| (name(case), case.push.clone()));
    let judged = judge(&patterns.collect(), &pushes());
    let mut kept_away = 0;
    for case in cases() {
        let judgement = &judged[&name(case)];
        assert_eq!(judgement.problem, None, "{}", case.push);
        let filters: Filters = case.filters.join(",").parse().expect("filters");
        for image in pushes().keys() {
            let is_tagged = !image.ends_with(':');
            let is_chosen = matches!(filters.judge(image), Verdict::Chosen(_));
            let wakes = judgement.matches.contains(image);
            if is_chosen && (is_tagged || case.version == "V1") {
                assert!(wakes, "{image} of {}", name(case));
            }
            assert!(
                is_tagged || case.version == "V1" || !wakes,
                "{image} has no tag"
            );
            kept_away += usize::from(!wakes && is_tagged);
        }
    }
    assert!(
        kept_away > 500,
        "narrow patterns keep away what is not wanted: {kept_away}"
    );
}

#[test]
fn no_pattern_is_too_complex() {
    let narrow = cases().iter().enumerate();
    let narrow =
        narrow.map(|(place, case)| (format!("{place} {:?}", case.filters), case.push.clone()));
    let patterns: BTreeMap<_, _> = listed().into_iter().chain(narrow).collect();
    for (pattern, judgement) in judge(&patterns, &BTreeMap::new()) {
        assert_eq!(judgement.problem, None, "{pattern}");
        let complexity = judgement.complexity;
        assert!(complexity <= budget(), "{pattern}: {complexity}");
    }
}

/// A user's own tag may end as ours do; what is ours is told by content.
#[test]
fn no_pattern_looks_at_the_end_of_a_tag_by_itself() {
    for pattern in listed().values() {
        assert!(!pattern.to_string().contains("soci\""), "{pattern}");
        assert!(!pattern.to_string().contains("suffix"), "{pattern}");
    }
}

/// The policy admits every repository of which an image is chosen, and all of them only where the filters name all.
#[test]
fn the_modules_arns_admit_what_the_filters_choose_and_no_more_than_they_name() {
    for case in cases().iter().filter(|case| case.version == "V2") {
        let filters: Filters = case.filters.join(",").parse().expect("filters");
        let prefix = "arn:aws:ecr:eu-central-1:123456789012:repository/";
        let own = case.repository_arns.iter();
        let own: Vec<_> = own
            .map(|arn| arn.strip_prefix(prefix).expect(arn))
            .collect();
        for image in pushes().keys() {
            let (repository, _) = image.split_once(':').expect("a tag");
            if matches!(filters.judge(image), Verdict::Chosen(_)) {
                assert!(
                    own.iter().any(|one| admits(one, repository)),
                    "{image}: {own:?}"
                );
            }
        }
        let names_all = case.filters.iter().any(|one| {
            one.split(':')
                .next()
                .is_some_and(|part| part.trim_matches('*').is_empty())
        });
        assert_eq!(own.contains(&"*"), names_all, "{:?}", case.filters);
        let written = own.iter().map(|one| one.replace('?', ""));
        assert!(written.into_iter().all(|one| !one.contains('[')), "{own:?}");
    }
}

/// As policies match: `*` any characters, `?` one.
fn admits(wildcard: &str, name: &str) -> bool {
    match (wildcard.chars().next(), name.chars().next()) {
        (None, None) => true,
        (Some('*'), None) => admits(&wildcard[1..], name),
        (Some('*'), Some(_)) => admits(&wildcard[1..], name) || admits(wildcard, &name[1..]),
        (Some('?'), Some(_)) => admits(&wildcard[1..], &name[1..]),
        (Some(own), Some(other)) => own == other && admits(&wildcard[1..], &name[1..]),
        (Some(_), None) | (None, Some(_)) => false,
    }
}
