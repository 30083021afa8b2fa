terraform {
  required_version = ">= 1.11"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
  }
  # The first time without a backend, since this makes the bucket: see README.md.
  backend "gcs" {
    prefix = "bootstrap"
  }
}

provider "google" {
  project               = var.project
  billing_project       = var.project
  user_project_override = true
}
