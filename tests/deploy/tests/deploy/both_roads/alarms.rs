//! Alarms and the dashboard.

use serde_json::{Value, json};
use soci_deploy::facts::{self, list, text};

use super::{TOPIC, applied, plain};

#[test]
fn alarms_are_those_of_the_list_on_both_roads() {
    let listed = facts::json("infra/alarms.json");
    for (instance, most, timeout) in [(&applied().0[0], "1000", "900"), (&applied().0[1], "1", "")]
    {
        let timeout = if timeout.is_empty() {
            text(&instance.of_stack("Function"), "Timeout").to_owned()
        } else {
            timeout.to_owned()
        };
        let extra = [
            ("{most_invocations_per_hour}", json!(most)),
            ("{timeout}", json!(timeout)),
        ];
        let stacks = instance.stack.resources("AWS::CloudWatch::Alarm");
        let modules: Vec<_> = instance
            .module
            .iter()
            .filter(|(address, _)| address.starts_with("aws_cloudwatch_metric_alarm."))
            .collect();
        assert_eq!(stacks.len(), list(&listed, "alarms").len());
        assert_eq!(modules.len(), stacks.len());
        for alarm in list(&listed, "alarms") {
            let words: Vec<_> = instance
                .words_of_stack()
                .into_iter()
                .chain(extra.clone())
                .collect();
            let wanted = facts::filled(alarm, &words);
            let stack = stacks
                .values()
                .find(|one| one["AlarmDescription"] == alarm["meaning"])
                .expect("it has one");
            assert_eq!(seen_in_stack(stack), wanted_of(&wanted));
            let words: Vec<_> = instance
                .words_of_module()
                .into_iter()
                .chain(extra.clone())
                .collect();
            let wanted = facts::filled(alarm, &words);
            let name = format!("{}-{}", instance.name, text(alarm, "name"));
            let (_, module) = modules
                .iter()
                .find(|(_, one)| one["alarm_name"] == *name)
                .expect("it has one");
            assert_eq!(module["alarm_description"], alarm["meaning"]);
            assert_eq!(seen_in_module(module), wanted_of(&wanted));
            let topics = if instance.name == "soci-full" {
                json!([TOPIC])
            } else {
                Value::Null
            };
            for actions in [
                ("AlarmActions", "alarm_actions"),
                ("OKActions", "ok_actions"),
            ] {
                assert_eq!(*stack.get(actions.0).unwrap_or(&Value::Null), topics);
                assert_eq!(module[actions.1], topics);
            }
        }
    }
}

/// What makes an alarm one: numbers as texts, since a template's parameters are texts.
fn wanted_of(alarm: &Value) -> Value {
    json!({
        "metric": [alarm["namespace"], alarm["metric"], alarm["dimensions"], alarm["statistic"], plain(&alarm["period_seconds"])],
        "expression": alarm["expression"],
        "threshold": plain(&alarm["threshold"]),
        "when": ["GreaterThanOrEqualToThreshold", "1", "notBreaching"],
    })
}

fn seen_in_stack(alarm: &Value) -> Value {
    let metric = |metric: &Value, statistic: &Value, period: &Value| {
        let dimensions = list(metric, "Dimensions").iter();
        let dimensions: serde_json::Map<_, _> = dimensions
            .map(|one| (text(one, "Name").to_owned(), one["Value"].clone()))
            .collect();
        json!([
            metric["Namespace"],
            metric["MetricName"],
            dimensions,
            statistic,
            plain(period)
        ])
    };
    let (metric, expression) = match alarm["Metrics"].as_array() {
        None => (
            metric(alarm, &alarm["Statistic"], &alarm["Period"]),
            Value::Null,
        ),
        Some(queries) => {
            assert_eq!(
                (queries.len(), &queries[0]["Id"], &queries[0]["ReturnData"]),
                (2, &json!("measured"), &json!(false))
            );
            assert_eq!(queries[1]["ReturnData"], true);
            let measured = &queries[0]["MetricStat"];
            (
                metric(&measured["Metric"], &measured["Stat"], &measured["Period"]),
                queries[1]["Expression"].clone(),
            )
        }
    };
    json!({
        "metric": metric, "expression": expression, "threshold": plain(&alarm["Threshold"]),
        "when": [alarm["ComparisonOperator"], plain(&alarm["EvaluationPeriods"]), alarm["TreatMissingData"]],
    })
}

fn seen_in_module(alarm: &Value) -> Value {
    let queries = list(alarm, "metric_query");
    let (metric, expression) = match queries.iter().find(|one| one["id"] == "measured") {
        None => (
            json!([
                alarm["namespace"],
                alarm["metric_name"],
                alarm["dimensions"],
                alarm["statistic"],
                plain(&alarm["period"])
            ]),
            Value::Null,
        ),
        Some(measured) => {
            assert_eq!(queries.len(), 2);
            let share = queries
                .iter()
                .find(|one| one["id"] == "share")
                .expect("the other");
            assert_eq!(share["return_data"], true);
            let metric = &measured["metric"][0];
            (
                json!([
                    metric["namespace"],
                    metric["metric_name"],
                    metric["dimensions"],
                    metric["stat"],
                    plain(&metric["period"])
                ]),
                share["expression"].clone(),
            )
        }
    };
    json!({
        "metric": metric, "expression": expression, "threshold": plain(&alarm["threshold"]),
        "when": [alarm["comparison_operator"], plain(&alarm["evaluation_periods"]), alarm["treat_missing_data"]],
    })
}

#[test]
fn the_dashboard_is_that_of_the_list_on_both_roads() {
    let listed = facts::json("infra/dashboard.json");
    let [defaults, full] = &applied().0;
    let body = |value: &Value| -> Value {
        serde_json::from_str(value.as_str().expect("a text")).expect("JSON")
    };
    let stack = defaults.of_stack("DashboardOfFunction");
    assert_eq!(
        body(&stack["DashboardBody"]),
        facts::filled(&listed, &defaults.words_of_stack())
    );
    let module = defaults.of_module("aws_cloudwatch_dashboard.this[0]");
    assert_eq!(
        body(&module["dashboard_body"]),
        facts::filled(&listed, &defaults.words_of_module())
    );
    assert_eq!(
        full.stack.properties("DashboardOfFunction"),
        None,
        "it can be switched off"
    );
    assert!(
        !full
            .module
            .keys()
            .any(|address| address.contains("dashboard"))
    );
}
