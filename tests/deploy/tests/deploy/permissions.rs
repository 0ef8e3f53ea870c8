//! What the function may do: the statements of the list, of both roads, and what each is needed for.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text, texts};
use soci_deploy::template::{Stack, statements, template};

/// What AWS's own services do in the function's name, each action with who does it.
fn by_services() -> BTreeSet<String> {
    let facts = facts::json("infra/iam.json");
    let mut all = BTreeSet::new();
    for one in list(&facts, "services") {
        for field in ["service", "does", "source"] {
            assert!(text(one, field).len() > 5, "{one}");
        }
        let actions = texts(one, "actions");
        assert_eq!(actions.len(), 1, "one by one: {one}");
        assert!(all.insert(actions[0].clone()), "{one} is there twice");
    }
    all
}

fn listed() -> Vec<Value> {
    list(&facts::json("infra/iam.json"), "statements").to_vec()
}

fn actions(statements: &[Value]) -> BTreeSet<String> {
    statements
        .iter()
        .flat_map(|one| texts(one, "actions"))
        .collect()
}

/// Every action that a request of the function, or a service in its name, needs.
fn needed() -> BTreeSet<String> {
    let facts = facts::json("infra/iam.json");
    let requests = list(&facts, "routes").iter().chain(list(&facts, "calls"));
    requests
        .flat_map(|one| texts(one, "actions"))
        .chain(by_services())
        .collect()
}

#[test]
fn what_is_granted_is_what_is_needed() {
    assert_eq!(actions(&listed()), needed());
}

/// Each statement, taken away in turn, leaves something that could not be done.
#[test]
fn every_statement_is_needed() {
    for place in 0..listed().len() {
        let mut others = listed();
        let taken = others.remove(place);
        let granted = actions(&others);
        let missing: BTreeSet<_> = needed().difference(&granted).cloned().collect();
        let own: BTreeSet<_> = texts(&taken, "actions").into_iter().collect();
        assert_eq!(missing, own, "without {}", taken["sid"]);
    }
}

#[test]
fn statements_are_narrow_and_tell_their_source() {
    for statement in listed() {
        assert!(text(&statement, "source").len() > 20, "{statement}");
        assert!(["function", "service"].contains(&text(&statement, "used_by")));
        let is_service = text(&statement, "used_by") == "service";
        for action in texts(&statement, "actions") {
            assert!(
                !action.contains('*') && !action.starts_with("iam:"),
                "{action}"
            );
            assert_eq!(is_service, by_services().contains(&action), "{action}");
        }
        for resource in texts(&statement, "resources") {
            // The one action that knows no resource.
            let is_login = texts(&statement, "actions") == ["ecr:GetAuthorizationToken"];
            assert!(resource != "*" || is_login, "{statement}");
        }
    }
}

#[test]
fn the_template_grants_the_statements_of_the_list() {
    let bus = "arn:aws:events:eu-central-1:123456789012:event-bus/results";
    let words = [
        ("{log_group_arn}:*", json!("{LogGroup.Arn}")),
        ("{failure_queue_arn}", json!("{FailureQueue.Arn}")),
        ("{repository_arns}", json!("{Repositories.RepositoryArns}")),
        ("{result_event_bus_arn}", json!(bus)),
    ];
    for (set, is_told) in [(vec![], false), (vec![("ResultEventBusArn", bus)], true)] {
        let granted = statements(&Stack::new(&set));
        let wanted = listed();
        let wanted: Vec<_> = wanted
            .iter()
            .filter(|one| is_told || one["when"] == "always")
            .collect();
        assert_eq!(granted.len(), wanted.len());
        for statement in wanted {
            let own = &granted[text(statement, "sid")];
            assert_eq!(own["Effect"], "Allow");
            assert_eq!(texts(own, "Action"), texts(statement, "actions"));
            let resources = facts::filled(&statement["resources"], &words);
            assert_eq!(
                texts(own, "Resource"),
                texts(&json!({"all": resources}), "all")
            );
            let known = ["Action", "Effect", "Resource", "Sid"];
            assert!(
                own.as_object()
                    .expect("an object")
                    .keys()
                    .all(|key| known.contains(&key.as_str())),
                "{own}"
            );
        }
    }
}

#[test]
fn the_templates_resource_policies_are_those_of_the_list() {
    let facts = facts::json("infra/iam.json");
    let of = |on: &str| {
        let mut all = list(&facts, "resource_policies").iter();
        all.find(|one| one["on"] == on)
            .expect("it is listed")
            .clone()
    };
    for (other_arrivals, rules) in [
        ("false", vec!["PushRule"]),
        ("true", vec!["ArrivalsRule", "PushRule"]),
    ] {
        let stack = Stack::new(&[("IndexOtherArrivals", other_arrivals)]);
        let permissions = stack.resources("AWS::Lambda::Permission");
        let sources: BTreeSet<_> = permissions
            .values()
            .map(|one| text(one, "SourceArn").to_owned())
            .collect();
        let expected: BTreeSet<_> = rules.iter().map(|rule| format!("{{{rule}.Arn}}")).collect();
        assert_eq!(sources, expected);
        for permission in permissions.values() {
            assert_eq!(permission["Action"], of("function")["action"]);
            assert_eq!(permission["Principal"], of("function")["principal"]);
        }
        let queue = stack
            .properties("DeadLetterQueuePolicy")
            .expect("it is there");
        let statements = list(&queue["PolicyDocument"], "Statement");
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0]["Action"], of("dead_letter_queue")["action"]);
        assert_eq!(
            statements[0]["Principal"]["Service"],
            of("dead_letter_queue")["principal"]
        );
        let sources = texts(&statements[0]["Condition"]["ArnEquals"], "aws:SourceArn");
        assert_eq!(sources.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}

/// The stack is made with CAPABILITY_IAM and nothing more.
#[test]
fn the_template_makes_no_identity_but_its_role() {
    let resources = template()["Resources"].as_object().expect("an object");
    let identities = resources
        .values()
        .filter(|one| text(one, "Type").starts_with("AWS::IAM::"));
    let kinds: BTreeSet<_> = identities.map(|one| text(one, "Type")).collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["AWS::IAM::Policy", "AWS::IAM::Role"])
    );
    let whole = template().to_string();
    for word in [
        "ManagedPolicyArns",
        "iam:PassRole",
        "NotAction",
        "NotResource",
        "arn:aws:",
    ] {
        assert!(!whole.contains(word), "{word}");
    }
}
