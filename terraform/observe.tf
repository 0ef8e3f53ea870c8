################################################################################
# Alarms
################################################################################

locals {
  alarm_actions = compact(var.alarm_topic_arn[*])

  of_function     = { FunctionName = var.name }
  of_failures     = { QueueName = "${var.name}-failures" }
  of_dead_letters = { QueueName = "${var.name}-dead-letters" }

  alarms = {
    failed = {
      description = "Images failed for good: they will not be indexed by themselves. The log says which and why."
      namespace   = "SociIndexBuilder"
      metric      = "Failed"
      dimensions  = local.of_function
      statistic   = "Sum"
      period      = 300
      threshold   = 1
    }
    errors = {
      description = "Invocations failed; Lambda tries each twice more."
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      dimensions  = local.of_function
      statistic   = "Sum"
      period      = 300
      threshold   = 1
    }
    failed-events = {
      description = "Events failed at every try and lie in the failure queue: images are not indexed."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = local.of_failures
      statistic   = "Maximum"
      period      = 300
      threshold   = 1
    }
    undelivered-events = {
      description = "Events could not be delivered to the function and lie in the rule's dead-letter queue: images are not indexed."
      namespace   = "AWS/SQS"
      metric      = "ApproximateNumberOfMessagesVisible"
      dimensions  = local.of_dead_letters
      statistic   = "Maximum"
      period      = 300
      threshold   = 1
    }
    lost-results = {
      description = "Results did not reach the event bus: whoever waits for them hears nothing. The log says why."
      namespace   = "SociIndexBuilder"
      metric      = "ResultEventLost"
      dimensions  = local.of_function
      statistic   = "Sum"
      period      = 300
      threshold   = 1
    }
    invocation-rate = {
      description = "More invocations than are usual: many pushes, or an image that comes again and again. AWS does not notice loops between Amazon ECR and Lambda."
      namespace   = "AWS/Lambda"
      metric      = "Invocations"
      dimensions  = local.of_function
      statistic   = "Sum"
      period      = 3600
      threshold   = var.most_invocations_per_hour
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = { for name, alarm in local.alarms : name => alarm if var.create }

  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "near_timeout" {
  count = var.create ? 1 : 0

  alarm_name          = "${var.name}-near-timeout"
  alarm_description   = "An invocation took more than nine tenths of the function's timeout. More memory brings more processor time."
  threshold           = 90
  comparison_operator = "GreaterThanOrEqualToThreshold"
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.alarm_actions
  ok_actions          = local.alarm_actions
  tags                = var.tags

  metric_query {
    id = "measured"

    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Duration"
      dimensions  = local.of_function
      stat        = "Maximum"
      period      = 300
    }
  }

  # Milliseconds to percent of the timeout.
  metric_query {
    id          = "share"
    label       = "Percent of the timeout"
    expression  = "measured / (${var.timeout} * 10)"
    return_data = true
  }
}

################################################################################
# Dashboard
################################################################################

locals {
  widgets = [
    {
      title   = "Images by outcome"
      stat    = "Sum"
      stacked = true
      metrics = [
        ["SociIndexBuilder", "Indexed", "FunctionName", var.name],
        ["SociIndexBuilder", "AlreadyIndexed", "FunctionName", var.name],
        ["SociIndexBuilder", "Skipped", "FunctionName", var.name],
        ["SociIndexBuilder", "Failed", "FunctionName", var.name],
        ["SociIndexBuilder", "FailedForNow", "FunctionName", var.name],
      ]
    },
    {
      title   = "Invocations, errors, throttles, lost results"
      stat    = "Sum"
      stacked = false
      metrics = [
        ["AWS/Lambda", "Invocations", "FunctionName", var.name],
        ["AWS/Lambda", "Errors", "FunctionName", var.name],
        ["AWS/Lambda", "Throttles", "FunctionName", var.name],
        ["SociIndexBuilder", "ResultEventLost", "FunctionName", var.name],
      ]
    },
    {
      title   = "Longest image, in seconds"
      stat    = "Maximum"
      stacked = false
      metrics = [
        ["SociIndexBuilder", "Seconds", "FunctionName", var.name],
      ]
    },
    {
      title   = "Bytes moved"
      stat    = "Sum"
      stacked = false
      metrics = [
        ["SociIndexBuilder", "BytesDownloaded", "FunctionName", var.name],
        ["SociIndexBuilder", "BytesUploaded", "FunctionName", var.name],
      ]
    },
    {
      title   = "Most memory held, in bytes"
      stat    = "Maximum"
      stacked = false
      metrics = [
        ["SociIndexBuilder", "PeakMemory", "FunctionName", var.name],
      ]
    },
    {
      title   = "Events that were given up"
      stat    = "Maximum"
      stacked = false
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-failures"],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${var.name}-dead-letters"],
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.create && var.dashboard ? 1 : 0

  # A dashboard's name is the account's, not the Region's.
  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({
    widgets = [for place, widget in local.widgets : {
      type   = "metric"
      x      = place % 2 * 12
      y      = floor(place / 2) * 6
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = local.region
        stat    = widget.stat
        period  = 300
        view    = "timeSeries"
        stacked = widget.stacked
        metrics = widget.metrics
      }
    }]
  })
}
