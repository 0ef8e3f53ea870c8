# The images that the filters name.

provider "aws" {
  region = var.region
}

module "soci_index_builder" {
  source = "../../"

  zip_path = var.zip_path
  filters  = var.filters
}
