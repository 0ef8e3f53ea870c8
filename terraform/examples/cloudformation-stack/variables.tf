variable "region" {
  description = "Region of the repositories"
  type        = string
  default     = "eu-central-1"
}

variable "stack_name" {
  description = "Name of the stack"
  type        = string
  default     = "soci-index-builder"
}

variable "template_url" {
  description = "Where template.yaml lies: an address in Amazon S3"
  type        = string
}

variable "bucket" {
  description = "Bucket in the Region with the function's zip"
  type        = string
}

variable "key_prefix" {
  description = "What stands before soci-index-builder-x86_64.zip in the bucket"
  type        = string
  default     = "cfn-ecr-aws-soci-index-builder/"
}

variable "filters" {
  description = "Which images are indexed, as repository:tag wildcards"
  type        = list(string)
  default     = ["team-a/*:*", "team-b/app:v*"]
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the function's role, or none"
  type        = string
  default     = "none"
}
