# For whoever wraps the stack of AWS's own SOCI Index Builder today: the same parameters, another template. Only template_url changes; the
# bucket then has to hold the function's zip under the prefix.

provider "aws" {
  region = var.region
}

resource "aws_cloudformation_stack" "soci_index_builder" {
  name         = var.stack_name
  template_url = var.template_url
  capabilities = ["CAPABILITY_IAM"]

  parameters = {
    SociRepositoryImageTagFilters = join(",", var.filters)
    SociIndexVersion              = "V2"
    QSS3BucketName                = var.bucket
    QSS3KeyPrefix                 = var.key_prefix
    IamPermissionsBoundaryArn     = var.permissions_boundary_arn
  }
}
