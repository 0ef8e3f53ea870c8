variable "region" {
  description = "Region of the repositories"
  type        = string
  default     = "eu-central-1"
}

variable "zip_path" {
  description = "The function's zip, as cargo xtask package writes it"
  type        = string
  default     = "../../../dist/soci-index-builder-x86_64.zip"
}

variable "filters" {
  description = "Which images are indexed: repository:tag wildcards"
  type        = list(string)
  default     = ["team-a/*:*", "team-b/app:v*"]
}
