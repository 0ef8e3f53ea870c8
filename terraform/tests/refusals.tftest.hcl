# What is refused when the plan is made, with the allowed form in the message. Every setting's own examples are tried by tests/deploy.

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
}

variables {
  zip_path = "./main.tf" # any file
}

run "a_zip_that_is_not_there" {
  command = plan

  variables {
    zip_path = "./no-such.zip"
  }

  expect_failures = [var.zip_path]
}

run "no_zip" {
  command = plan

  variables {
    zip_path = null
  }

  expect_failures = [aws_lambda_function.this]
}

run "two_zips" {
  command = plan

  variables {
    s3_bucket = "assets"
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_name_that_no_function_can_have" {
  command = plan

  variables {
    name = "soci index builder"
  }

  expect_failures = [var.name]
}

run "no_filters" {
  command = plan

  variables {
    filters = []
  }

  expect_failures = [var.filters]
}

run "more_filters_than_the_function_takes" {
  command = plan

  variables {
    filters  = [for number in range(200) : "repository-${number}:*"]
    excludes = [for number in range(57) : "*:*-${number}"]
  }

  expect_failures = [aws_lambda_function.this]
}

run "a_longer_filter_than_the_function_takes" {
  command = plan

  variables {
    filters = ["${join("", [for number in range(103) : "repository"])}:*"]
  }

  expect_failures = [var.filters]
}

run "a_longer_output_tag_than_a_tag_can_be" {
  command = plan

  variables {
    output_tag = "${join("", [for number in range(13) : "0123456789"])}{tag}"
  }

  expect_failures = [var.output_tag]
}
