//! The function, its settings and its role.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text, texts};
use soci_deploy::template::statements;

use super::{applied, everything};

#[test]
fn the_function_is_the_same_on_both_roads() {
    for instance in &applied().0 {
        let stack = instance.of_stack("Function");
        let module = instance.of_module("aws_lambda_function.this[0]");
        let settings = &module["environment"][0]["variables"];
        assert_eq!(
            *settings, stack["Environment"]["Variables"],
            "{}",
            instance.name
        );
        let plain = |value: &Value| value.to_string().replace('"', "");
        for (property, argument) in [
            ("Description", "description"),
            ("Runtime", "runtime"),
            ("Handler", "handler"),
            ("Architectures", "architectures"),
            ("MemorySize", "memory_size"),
            ("Timeout", "timeout"),
        ] {
            assert_eq!(
                plain(&stack[property]),
                plain(&module[argument]),
                "{property}"
            );
        }
        let reserved = stack
            .get("ReservedConcurrentExecutions")
            .map_or("-1".to_owned(), plain);
        assert_eq!(reserved, plain(&module["reserved_concurrent_executions"]));
        assert_eq!(
            instance.of_stack("LogGroup")["RetentionInDays"],
            plain(&instance.of_module("aws_cloudwatch_log_group.this[0]")["retention_in_days"])
        );
    }
}

/// Every setting of the list that has a road reaches the function, and nothing that the function does not know.
#[test]
fn the_functions_settings_are_those_of_the_list() {
    let facts = facts::json("infra/parameters.json");
    let on_roads = |one: &&Value| !one["roads"]["terraform"].is_null();
    let own = list(&facts, "settings").iter().filter(on_roads);
    let mut expected: Vec<_> = own.map(|one| text(one, "environment").to_owned()).collect();
    // The partition's own, which nobody sets.
    expected.push("SOCI_DNS_SUFFIX".to_owned());
    expected.sort();
    for instance in &applied().0 {
        let variables = instance.of_stack("Function")["Environment"]["Variables"].clone();
        let found: Vec<_> = variables
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        assert_eq!(found, expected);
    }
    let [_, full] = &applied().0;
    let variables = &full.of_module("aws_lambda_function.this[0]")["environment"][0]["variables"];
    for (parameter, value) in everything() {
        let Some(variable) = &parameter.environment else {
            continue;
        };
        let expected = match parameter.terraform.as_str() {
            "filters" => "team-a/*:*,team-b/app:v*,!*:*-dev,!*:*-test".to_owned(),
            _ => value,
        };
        assert_eq!(variables[variable], expected, "{variable}");
    }
}

#[test]
fn the_roles_statements_are_those_of_the_list_on_both_roads() {
    let listed = facts::json("infra/iam.json");
    for instance in &applied().0 {
        let mut words = instance.words_of_module();
        let arns = match instance.name {
            "soci-full" => json!([
                "arn:aws:ecr:eu-central-1:123456789012:repository/team-a/*",
                "arn:aws:ecr:eu-central-1:123456789012:repository/team-b/app"
            ]),
            _ => json!("arn:aws:ecr:eu-central-1:123456789012:repository/*"),
        };
        words.push(("{repository_arns}", arns));
        let policies = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_iam_role_policy."));
        let mut granted = BTreeMap::new();
        for (_, policy) in policies {
            let document: Value = serde_json::from_str(text(policy, "policy")).expect("JSON");
            for statement in list(&document, "Statement") {
                granted.insert(text(statement, "Sid").to_owned(), statement.clone());
            }
        }
        let of_stack = statements(&instance.stack);
        assert_eq!(
            granted.keys().collect::<Vec<_>>(),
            of_stack.keys().collect::<Vec<_>>()
        );
        for (sid, statement) in &granted {
            let listed = list(&listed, "statements")
                .iter()
                .find(|one| one["sid"] == **sid)
                .expect("it is listed");
            assert_eq!(statement["Effect"], "Allow");
            assert_eq!(texts(statement, "Action"), texts(listed, "actions"));
            assert_eq!(texts(statement, "Action"), texts(&of_stack[sid], "Action"));
            let resources = match &listed["resources"][0] {
                Value::String(word) if word == "{repository_arns}" => {
                    facts::filled(&json!(word), &words)
                }
                _ => facts::filled(&listed["resources"], &words),
            };
            assert_eq!(
                texts(statement, "Resource"),
                texts(&json!({"all": resources}), "all"),
                "{sid}"
            );
        }
    }
}

#[test]
fn the_role_is_the_same_on_both_roads() {
    for instance in &applied().0 {
        let (stack, module) = (
            instance.of_stack("Role"),
            instance.of_module("aws_iam_role.this[0]"),
        );
        assert_eq!(stack["Path"], module["path"]);
        assert_eq!(stack["Description"], module["description"]);
        let boundary = stack
            .get("PermissionsBoundary")
            .map_or("", |one| one.as_str().expect("a text"));
        assert_eq!(
            module["permissions_boundary"].as_str().unwrap_or_default(),
            boundary
        );
        let trust: Value = serde_json::from_str(text(module, "assume_role_policy")).expect("JSON");
        let wanted = &facts::json("infra/iam.json")["trust"];
        for statement in [
            &trust["Statement"][0],
            &stack["AssumeRolePolicyDocument"]["Statement"][0],
        ] {
            assert_eq!(statement["Action"], wanted["action"]);
            assert_eq!(statement["Principal"]["Service"], wanted["service"]);
        }
        assert_eq!(list(&trust, "Statement").len(), 1);
    }
}
