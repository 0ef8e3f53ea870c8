//! EventBridge's own engine, event-ruler, which says what a pattern matches. It is Java; a single-file program asks it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::facts;
use crate::program::{from_xtask, run};

/// What it says of one pattern.
#[derive(Debug)]
pub struct Judgement {
    /// What is wrong with the pattern.
    pub problem: Option<String>,
    /// How much work the pattern is, in the engine's own units; counted up to what was asked for.
    pub complexity: u64,
    /// The events that match.
    pub matches: BTreeSet<String>,
}

/// Which events match which patterns.
///
/// # Panics
/// When the engine does not say.
#[must_use]
pub fn judge(
    patterns: &BTreeMap<String, Value>,
    events: &BTreeMap<String, Value>,
) -> BTreeMap<String, Judgement> {
    // One more than the budget, so that "at the budget" and "beyond it" differ.
    let most = budget() + 1;
    let question = json!({"patterns": patterns, "events": events, "most": most});
    let libraries = from_xtask("SOCI_EVENT_RULER").join("*");
    let mut java = Command::new("java");
    java.arg("-Xmx512m").arg("-cp").arg(libraries);
    java.arg(facts::root().join("tests/deploy/java/EventPatterns.java"));
    let answer = run(&mut java, &question.to_string()).success();
    let answer: Value = serde_json::from_str(&answer).expect("it answers in JSON");
    let answer = answer.as_object().expect("by the names of patterns");
    let judgement = |value: &Value| Judgement {
        problem: value["problem"].as_str().map(str::to_owned),
        complexity: value["complexity"].as_u64().unwrap_or_default(),
        matches: facts::texts(value, "matches").into_iter().collect(),
    };
    let answers = answer.iter();
    answers
        .map(|(name, value)| (name.clone(), judgement(value)))
        .collect()
}

/// How complex a pattern may be.
#[must_use]
pub fn budget() -> u64 {
    let limits = &facts::json("infra/event-patterns.json")["limits"];
    limits["complexity"]["value"].as_u64().expect("a number")
}
