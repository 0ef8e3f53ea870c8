output "function_name" {
  description = "The function; for images that are there already, invoke it with {\"images\": [\"repository:tag\"]}"
  value       = one(aws_lambda_function.this[*].function_name)
}

output "function_arn" {
  description = "ARN of the function"
  value       = one(aws_lambda_function.this[*].arn)
}

output "role_arn" {
  description = "ARN of the function's role"
  value       = one(aws_iam_role.this[*].arn)
}

output "rule_arns" {
  description = "ARNs of the rules that send events to the function, by push and arrivals"
  value       = { for name, rule in aws_cloudwatch_event_rule.this : name => rule.arn }
}

output "repository_arns" {
  description = "Repositories that the function may read and write, as ARNs with wildcards"
  value       = local.repository_arns
}

output "log_group_name" {
  description = "Where the function's logs are"
  value       = one(aws_cloudwatch_log_group.this[*].name)
}

output "failure_queue_url" {
  description = "Queue of events that failed at every try"
  value       = one(aws_sqs_queue.failures[*].url)
}

output "dead_letter_queue_url" {
  description = "Queue of events that could not be delivered"
  value       = one(aws_sqs_queue.dead_letters[*].url)
}

output "event_patterns" {
  description = "Which events wake the function, as JSON, by push and arrivals"
  value       = { for name, rule in local.rules : name => rule.pattern if rule.wanted }
}
