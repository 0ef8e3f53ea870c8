//! How events reach the function, how often they are tried again, and where those end that cannot be delivered.

use serde_json::{Value, json};
use soci_deploy::facts::{self, text, texts};

use super::{Instance, applied, plain};

/// How often and how long one hop tries again, as `infra/delivery.json` has it.
fn listed(hop: &str) -> [String; 2] {
    let delivery = facts::json("infra/delivery.json");
    let names = ["maximum_retry_attempts", "maximum_event_age_seconds"];
    names.map(|name| plain(&delivery[hop][name]))
}

/// The same in the stack's words.
fn of_stack(retries: &Value) -> [String; 2] {
    ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"].map(|name| plain(&retries[name]))
}

/// The same in the module's words.
fn of_module(retries: &Value) -> [String; 2] {
    ["maximum_retry_attempts", "maximum_event_age_in_seconds"].map(|name| plain(&retries[name]))
}

/// The rules of an instance, by their names on each road.
fn rules(instance: &Instance) -> Vec<(&'static str, &'static str)> {
    match instance.name {
        "soci-full" => vec![("PushRule", "push"), ("ArrivalsRule", "arrivals")],
        _ => vec![("PushRule", "push")],
    }
}

#[test]
fn failed_invocations_are_tried_again_and_kept_alike_on_both_roads() {
    for instance in &applied().0 {
        let retries = instance.of_stack("Retries");
        assert_eq!(of_stack(&retries), listed("function"));
        assert_eq!(
            retries["DestinationConfig"]["OnFailure"]["Destination"],
            "{FailureQueue.Arn}"
        );
        let retries = instance.of_module("aws_lambda_function_event_invoke_config.this[0]");
        assert_eq!(of_module(retries), listed("function"));
        let sink = plain(&retries["destination_config"][0]["on_failure"][0]["destination"]);
        assert!(sink.ends_with("-failures"), "{sink}");
    }
}

#[test]
fn rules_hand_events_to_the_function_alike_on_both_roads() {
    for instance in &applied().0 {
        let in_stack = instance.stack.resources("AWS::Events::Rule").len();
        assert_eq!(in_stack, rules(instance).len());
        for (rule, name) in rules(instance) {
            let stack = instance.of_stack(rule);
            let target = &stack["Targets"][0];
            assert_eq!(of_stack(&target["RetryPolicy"]), listed("rule"));
            assert_eq!(target["DeadLetterConfig"]["Arn"], "{DeadLetterQueue.Arn}");
            assert_eq!(target["Arn"], "{Function.Arn}");
            let target =
                instance.of_module(&format!("aws_cloudwatch_event_target.this[\"{name}\"]"));
            assert_eq!(of_module(&target["retry_policy"][0]), listed("rule"));
            let sink = plain(&target["dead_letter_config"][0]["arn"]);
            assert!(sink.ends_with("-dead-letters"), "{sink}");
            let module = instance.of_module(&format!("aws_cloudwatch_event_rule.this[\"{name}\"]"));
            assert_eq!(module["description"], stack["Description"]);
            let permission = instance.of_module(&format!("aws_lambda_permission.this[\"{name}\"]"));
            assert_eq!(
                (&permission["source_arn"], &permission["principal"]),
                (&module["arn"], &json!("events.amazonaws.com"))
            );
        }
    }
}

#[test]
fn queues_keep_what_failed_alike_on_both_roads() {
    let retention = &facts::json("infra/delivery.json")["queues"]["retention_seconds"];
    for instance in &applied().0 {
        for queue in ["FailureQueue", "DeadLetterQueue"] {
            let queue = instance.of_stack(queue);
            assert_eq!(queue["MessageRetentionPeriod"], *retention);
            assert_eq!(queue["SqsManagedSseEnabled"], true);
        }
        for queue in ["failures", "dead_letters"] {
            let queue = instance.of_module(&format!("aws_sqs_queue.{queue}[0]"));
            assert_eq!(queue["message_retention_seconds"], *retention);
            assert_eq!(queue["sqs_managed_sse_enabled"], true);
        }
    }
}

/// Only the module's own rules may write into its queue of dead letters. The stack's policy is held with its other permissions.
#[test]
fn only_the_rules_write_dead_letters() {
    for instance in &applied().0 {
        let policy = instance.of_module("aws_sqs_queue_policy.dead_letters[0]");
        let policy: Value = serde_json::from_str(text(policy, "policy")).expect("JSON");
        let statement = &policy["Statement"][0];
        assert_eq!(
            (&statement["Principal"]["Service"], &statement["Action"]),
            (&json!("events.amazonaws.com"), &json!("sqs:SendMessage"))
        );
        let rules = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_cloudwatch_event_rule."));
        let mut rules: Vec<_> = rules
            .map(|(_, rule)| text(rule, "arn").to_owned())
            .collect();
        rules.sort();
        let sources = texts(&statement["Condition"]["ArnEquals"], "aws:SourceArn");
        assert_eq!(sources, rules);
    }
}
