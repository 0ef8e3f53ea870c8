# Everything on, each setting at something else than its default; and a second instance that creates nothing.

provider "aws" {
  region = var.region
}

resource "aws_sns_topic" "alarms" {
  name_prefix = "soci-alarms-"
}

resource "aws_cloudwatch_event_bus" "results" {
  name = "soci-results"
}

module "soci_index_builder" {
  source = "../../"

  name = "soci-index-builder-complete"
  tags = { team = "containers" }

  filters              = ["team-a/*:*", "team-[bc]/app-?:v*", "shared/base:latest"]
  excludes             = ["*:*-dev", "*:*-test"]
  index_version        = "V2"
  output_tag           = "lazy-{tag}"
  pass_through         = false
  index_other_arrivals = true

  min_layer_bytes       = 1048576
  min_image_bytes       = 262144000
  span_bytes            = 2097152
  platforms             = ["linux/amd64", "linux/arm64"]
  multi_member          = "allow"
  build_tool_identifier = "containers team"

  zip_path             = var.zip_path
  architecture         = "arm64"
  memory_size          = 3538
  timeout              = 600
  reserved_concurrency = 20

  permissions_boundary_arn = var.permissions_boundary_arn
  role_path                = "/containers/"

  alarm_topic_arn           = aws_sns_topic.alarms.arn
  most_invocations_per_hour = 5000
  result_event_bus_arn      = aws_cloudwatch_event_bus.results.arn
  dashboard                 = true
  log_level                 = "debug"
  log_retention_days        = 365
}

module "nothing" {
  source = "../../"

  create = false
}
