terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
  }
  # The bucket is that of bootstrap/; `terraform init -backend-config=environments/<environment>/backend.hcl` names it.
  backend "gcs" {
    prefix = "meridian"
  }
}

provider "google" {
  project = var.project
  region  = local.primary

  # So that quotas of APIs are this project's, and not those of whoever applies.
  billing_project       = var.project
  user_project_override = true

  default_labels = {
    system      = "meridian"
    environment = var.environment
  }
}
