variable "region" {
  description = "Region of the repositories"
  type        = string
  default     = "eu-central-1"
}

variable "zip_path" {
  description = "The function's zip for arm64, as cargo xtask package --arch arm64 writes it"
  type        = string
  default     = "../../../dist/soci-index-builder-arm64.zip"
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the function's role"
  type        = string
  default     = null
}
