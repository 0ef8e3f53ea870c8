# One function, woken by Amazon EventBridge when an image arrives in Amazon ECR, and what it takes to trust it: a role for the repositories
# that the filters name and no other, queues for what failed, alarms, a dashboard.
#
# ../template.yaml says the same for AWS CloudFormation. What both must agree on stands in ../infra, which tests hold them to; the module does
# not read it, so that its folder can be copied and used alone.

data "aws_partition" "current" {
  count = var.create ? 1 : 0
}

data "aws_region" "current" {
  count = var.create ? 1 : 0
}

data "aws_caller_identity" "current" {
  count = var.create ? 1 : 0
}

locals {
  partition  = one(data.aws_partition.current[*].partition)
  dns_suffix = one(data.aws_partition.current[*].dns_suffix)
  region     = one(data.aws_region.current[*].id)
  account    = one(data.aws_caller_identity.current[*].account_id)
}

################################################################################
# From filters to repositories and events
################################################################################

locals {
  # A repository's name holds no colon and neither does a tag, so that each filter falls into two parts that can be looked at alone.
  filter_parts = [for filter in distinct(var.filters) : split(":", filter)]

  # As policies match: * any characters, ? one. A set in brackets admits more than it names, never less. Excludes take nothing away.
  repository_wildcards = distinct([for parts in local.filter_parts : replace(replace(parts[0], "/\\[[^\\]]*\\]/", "?"), "/\\*+/", "*")])
  repositories         = contains(local.repository_wildcards, "*") ? ["*"] : local.repository_wildcards
  repository_arns      = var.create ? [for wildcard in local.repositories : "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${wildcard}"] : []

  # As event patterns match: * any characters, nothing else. What is chosen must pass; what else passes, the function passes over.
  event_wildcards = [for parts in local.filter_parts : [for part in parts : replace(replace(part, "/\\[[^\\]]*\\]|\\?/", "*"), "/\\*+/", "*")]]

  # The cheapest condition that says it. Prefixes and suffixes cost EventBridge nothing, wildcards count.
  conditions = {
    for wildcard in distinct(flatten(local.event_wildcards)) : wildcard => (
      !strcontains(wildcard, "*") ? jsonencode(wildcard) :
      can(regex("^[^*]+\\*$", wildcard)) ? jsonencode({ prefix = trimsuffix(wildcard, "*") }) :
      can(regex("^\\*[^*]+$", wildcard)) ? jsonencode({ suffix = trimprefix(wildcard, "*") }) :
      jsonencode({ wildcard = wildcard })
    )
    if wildcard != "*"
  }

  # In version 2 the parts of an image index, which are pushed without a tag, are passed over.
  any_tag = { for field, condition in { image-tag = [{ anything-but = [""] }] } : field => condition if var.index_version == "V2" }

  alternatives = distinct([for parts in local.event_wildcards : jsonencode(merge(
    { for field, wildcard in { repository-name = parts[0], image-tag = parts[1] } : field => [jsondecode(local.conditions[wildcard])] if wildcard != "*" },
    { for field, condition in local.any_tag : field => condition if parts[1] == "*" },
  ))])

  pushed = {
    action-type         = ["PUSH"]
    result              = ["SUCCESS"]
    artifact-media-type = [{ exists = false }, { anything-but = ["application/vnd.amazon.soci.index.v1+json", "application/vnd.amazon.soci.index.v2+json"] }]
  }
  pushes = { source = ["aws.ecr"], detail-type = ["ECR Image Action"] }

  wide_push_pattern = jsonencode(merge(local.pushes, { detail = merge(local.pushed, local.any_tag) }))
  narrow_push_pattern = jsonencode(merge(local.pushes, { detail = merge(
    local.pushed,
    jsondecode(length(local.alternatives) == 1 ? local.alternatives[0] : jsonencode({ "$or" = [for one in local.alternatives : jsondecode(one)] })),
  ) }))

  # EventBridge takes 2,048 characters, and refuses patterns that it finds too complex.
  is_narrow_taken = (
    length(local.narrow_push_pattern) <= 2048
    && length([for wildcard, condition in local.conditions : wildcard if strcontains(condition, "\"wildcard\"")]) <= 8
    && !contains([for parts in local.event_wildcards : join(":", parts)], "*:*")
  )
  push_pattern = local.is_narrow_taken ? local.narrow_push_pattern : local.wide_push_pattern

  arrivals_pattern = jsonencode({
    source      = ["aws.ecr"]
    detail-type = ["ECR Pull Through Cache Action", "ECR Replication Action"]
    detail = merge(
      { "$or" = [{ sync-status = ["SUCCESS"] }, { action-type = ["REPLICATE"], result = ["SUCCESS"] }] },
      local.any_tag,
    )
  })
}

################################################################################
# Log group
################################################################################

resource "aws_cloudwatch_log_group" "this" {
  count = var.create ? 1 : 0

  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

################################################################################
# Role
################################################################################

data "aws_iam_policy_document" "trust" {
  count = var.create ? 1 : 0

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  count = var.create ? 1 : 0

  # A role's name is the account's, not the Region's, and IAM takes 38 characters of a prefix.
  name_prefix          = "${substr(var.name, 0, 37)}-"
  description          = "SOCI Index Builder, its function"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = data.aws_iam_policy_document.trust[0].json
  tags                 = var.tags
}

data "aws_iam_policy_document" "logs" {
  count = var.create ? 1 : 0

  statement {
    sid       = "WriteLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this[0].arn}:*"]
  }
}

data "aws_iam_policy_document" "failures" {
  count = var.create ? 1 : 0

  statement {
    sid       = "KeepFailedEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.failures[0].arn]
  }
}

data "aws_iam_policy_document" "images" {
  count = var.create ? 1 : 0

  statement {
    sid       = "LogIn"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid = "ReadAndWriteImages"
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:GetDownloadUrlForLayer",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = local.repository_arns
  }

  dynamic "statement" {
    for_each = var.result_event_bus_arn[*]

    content {
      sid       = "TellResults"
      actions   = ["events:PutEvents"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  for_each = var.create ? {
    logs     = data.aws_iam_policy_document.logs[0].json
    failures = data.aws_iam_policy_document.failures[0].json
    images   = data.aws_iam_policy_document.images[0].json
  } : {}

  name   = each.key
  role   = aws_iam_role.this[0].id
  policy = each.value
}

################################################################################
# Function
################################################################################

resource "aws_lambda_function" "this" {
  count = var.create ? 1 : 0

  function_name    = var.name
  description      = "Builds SOCI indexes of images that are pushed to Amazon ECR"
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.zip_path
  source_code_hash = var.zip_path == null ? null : filebase64sha256(var.zip_path)
  s3_bucket        = var.s3_bucket
  s3_key           = var.s3_bucket == null ? null : "${var.s3_key_prefix}soci-index-builder-${var.architecture}.zip"
  role             = aws_iam_role.this[0].arn
  memory_size      = var.memory_size
  timeout          = var.timeout

  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = {
      SOCI_FILTERS               = join(",", concat(var.filters, [for filter in var.excludes : "!${filter}"]))
      SOCI_INDEX_VERSION         = var.index_version
      SOCI_OUTPUT_TAG            = var.output_tag
      SOCI_PASS_THROUGH          = tostring(var.pass_through)
      SOCI_MIN_LAYER_BYTES       = format("%d", var.min_layer_bytes)
      SOCI_MIN_IMAGE_BYTES       = format("%d", var.min_image_bytes)
      SOCI_SPAN_BYTES            = format("%d", var.span_bytes)
      SOCI_PLATFORMS             = join(",", var.platforms)
      SOCI_MULTI_MEMBER          = var.multi_member
      SOCI_BUILD_TOOL_IDENTIFIER = var.build_tool_identifier
      SOCI_RESULT_EVENT_BUS      = var.result_event_bus_arn == null ? "" : var.result_event_bus_arn
      SOCI_LOG_LEVEL             = var.log_level
      SOCI_DNS_SUFFIX            = local.dns_suffix
    }
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this[0].name
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = (var.zip_path == null) != (var.s3_bucket == null)
      error_message = "Exactly one of zip_path and s3_bucket must say where the function's zip is."
    }

    precondition {
      condition     = length(var.filters) + length(var.excludes) <= 256
      error_message = "There must be at most 256 filters and excludes together."
    }
  }

  # Without it the first lines would be lost.
  depends_on = [aws_iam_role_policy.this["logs"]]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.create ? 1 : 0

  function_name                = aws_lambda_function.this[0].function_name
  maximum_retry_attempts       = 2
  maximum_event_age_in_seconds = 21600

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures[0].arn
    }
  }

  # Lambda looks whether the role may write to the queue.
  depends_on = [aws_iam_role_policy.this]
}

################################################################################
# Queues
################################################################################

# What failed at every try.
resource "aws_sqs_queue" "failures" {
  count = var.create ? 1 : 0

  name                      = "${var.name}-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

# What could not be delivered.
resource "aws_sqs_queue" "dead_letters" {
  count = var.create ? 1 : 0

  name                      = "${var.name}-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

data "aws_iam_policy_document" "dead_letters" {
  count = var.create ? 1 : 0

  statement {
    sid       = "KeepUndeliveredEvents"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters[0].arn]

    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [for rule in aws_cloudwatch_event_rule.this : rule.arn]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  count = var.create ? 1 : 0

  queue_url = aws_sqs_queue.dead_letters[0].url
  policy    = data.aws_iam_policy_document.dead_letters[0].json
}

################################################################################
# Events
################################################################################

locals {
  rules = {
    push     = { wanted = true, description = "Images that are pushed to Amazon ECR go to the SOCI Index Builder", pattern = local.push_pattern }
    arrivals = { wanted = var.index_other_arrivals, description = "Images that Amazon ECR replicates or fetches go to the SOCI Index Builder", pattern = local.arrivals_pattern }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = { for name, rule in local.rules : name => rule if var.create && rule.wanted }

  name          = "${var.name}-${each.key}"
  description   = each.value.description
  event_pattern = each.value.pattern
  tags          = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = aws_cloudwatch_event_rule.this

  rule      = each.value.name
  target_id = "function"
  arn       = aws_lambda_function.this[0].arn

  retry_policy {
    maximum_retry_attempts       = 185
    maximum_event_age_in_seconds = 86400
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters[0].arn
  }

  # Nothing arrives before it can be worked on, or kept.
  depends_on = [
    aws_iam_role_policy.this,
    aws_lambda_function_event_invoke_config.this,
    aws_lambda_permission.this,
    aws_sqs_queue_policy.dead_letters,
  ]
}

resource "aws_lambda_permission" "this" {
  for_each = aws_cloudwatch_event_rule.this

  statement_id  = each.key
  function_name = aws_lambda_function.this[0].function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = each.value.arn
}
