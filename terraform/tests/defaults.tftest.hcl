# What is created, without AWS: the provider is a mock that knows the real one's schema.

mock_provider "aws" {
  mock_data "aws_partition" {
    defaults = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }
  mock_data "aws_region" {
    defaults = { id = "us-gov-west-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  zip_path = "./main.tf" # any file
}

run "defaults_index_everything_and_touch_no_source_tag" {
  command = plan

  assert {
    condition     = aws_lambda_function.this[0].environment[0].variables["SOCI_FILTERS"] == "*:*"
    error_message = "The default is AWS's own: every image."
  }
  assert {
    condition     = aws_lambda_function.this[0].environment[0].variables["SOCI_OUTPUT_TAG"] == "{tag}-soci"
    error_message = "The indexed image has a tag of its own."
  }
  assert {
    condition     = output.repository_arns == tolist(["arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/*"])
    error_message = "Every repository, in the partition, Region and account of the deployment."
  }
  assert {
    condition     = keys(output.event_patterns) == ["push"] && !strcontains(output.event_patterns["push"], "repository-name")
    error_message = "Pushes into every repository, and no other event."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 6 && length(aws_cloudwatch_metric_alarm.near_timeout) == 1
    error_message = "Alarms are made without a topic too."
  }
  assert {
    condition     = aws_lambda_function.this[0].runtime == "provided.al2023" && aws_lambda_function.this[0].reserved_concurrent_executions == -1
    error_message = "The function's runtime, and no reserved concurrency."
  }
}

run "filters_narrow_what_may_be_read_and_what_wakes" {
  command = plan

  variables {
    filters  = ["team-a/*:*", "team-[bc]/app-?:v*", "team-a/*:*"]
    excludes = ["*:*-dev"]
  }

  assert {
    condition     = [for arn in output.repository_arns : split("/", arn)[1]] == ["team-a", "team-?"]
    error_message = "One ARN for each repository wildcard, each once."
  }
  assert {
    condition     = aws_lambda_function.this[0].environment[0].variables["SOCI_FILTERS"] == "team-a/*:*,team-[bc]/app-?:v*,team-a/*:*,!*:*-dev"
    error_message = "The function decides by the filters as they are written, excludes behind them."
  }
  assert {
    condition     = length(jsondecode(output.event_patterns["push"]).detail["$or"]) == 2
    error_message = "One alternative for each filter, each once."
  }
}

run "one_filter_needs_no_alternatives" {
  command = plan

  variables {
    filters = ["team-a/api:v*"]
  }

  assert {
    condition     = jsondecode(output.event_patterns["push"]).detail["repository-name"] == ["team-a/api"] && jsondecode(output.event_patterns["push"]).detail["image-tag"] == [{ prefix = "v" }]
    error_message = "A whole name and a prefix."
  }
}

run "too_many_wildcards_leave_the_choice_to_the_function" {
  command = plan

  variables {
    filters = [for letter in ["a", "b", "c", "d", "e", "f", "g", "h", "i"] : "*${letter}*:*"]
  }

  assert {
    condition     = !strcontains(output.event_patterns["push"], "repository-name")
    error_message = "EventBridge would refuse it as too complex."
  }
}

run "too_many_names_leave_the_choice_to_the_function" {
  command = plan

  variables {
    filters = [for number in range(100) : "repository-number-${number}:*"]
  }

  assert {
    condition     = length(output.event_patterns["push"]) <= 2048 && !strcontains(output.event_patterns["push"], "repository-name") && length(output.repository_arns) == 100
    error_message = "EventBridge takes 2,048 characters; the policy stays narrow."
  }
}

run "version_1_takes_what_has_no_tag" {
  command = plan

  variables {
    index_version = "V1"
  }

  assert {
    condition     = !can(jsondecode(output.event_patterns["push"]).detail["image-tag"])
    error_message = "The parts of an image index are pushed without a tag; in version 1 they are what is indexed."
  }
}

run "a_zip_in_a_bucket" {
  command = plan

  variables {
    zip_path      = null
    s3_bucket     = "assets"
    s3_key_prefix = "soci/1.0/"
    architecture  = "arm64"
  }

  assert {
    condition     = aws_lambda_function.this[0].s3_key == "soci/1.0/soci-index-builder-arm64.zip"
    error_message = "The zip of the architecture, under the prefix."
  }
}

run "create_false_creates_nothing" {
  command = plan

  variables {
    create   = false
    zip_path = null
  }

  assert {
    condition = length(concat(
      aws_lambda_function.this, aws_iam_role.this, aws_cloudwatch_log_group.this, aws_sqs_queue.failures, aws_sqs_queue.dead_letters,
      aws_sqs_queue_policy.dead_letters, aws_lambda_function_event_invoke_config.this, aws_cloudwatch_metric_alarm.near_timeout,
      aws_cloudwatch_dashboard.this, values(aws_cloudwatch_event_rule.this), values(aws_cloudwatch_event_target.this),
      values(aws_lambda_permission.this), values(aws_iam_role_policy.this), values(aws_cloudwatch_metric_alarm.this),
    )) == 0
    error_message = "Nothing at all."
  }
  assert {
    condition     = output.function_name == null && length(output.repository_arns) == 0
    error_message = "Outputs are safe to read."
  }
}
