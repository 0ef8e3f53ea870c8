# Every image of two teams, but for development's.

provider "aws" {
  region = var.region
}

module "soci_index_builder" {
  source = "../../"

  zip_path = var.zip_path
  filters  = ["team-a/*:*", "team-b/app:v*"]
  excludes = ["*:*-dev"]
}
