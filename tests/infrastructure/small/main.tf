# A small configuration to test the stand-in provider and the fake cloud with: rows with a service, a network endpoint
# group and a backend service each, behind one URL map.
terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "8.7.0"
    }
  }
}

variable "rows" {
  type    = list(string)
  default = ["create-order", "get-order"]
}

provider "google" {
  project = "small"
}

data "google_project" "this" {}

resource "google_cloud_run_v2_service" "row" {
  for_each            = toset(var.rows)
  name                = each.key
  location            = "us-central1"
  deletion_protection = false
  labels              = { project = data.google_project.this.number }
  template {
    containers {
      image = "registry/image@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    }
  }
}

resource "google_compute_region_network_endpoint_group" "neg" {
  for_each              = toset(var.rows)
  name                  = each.key
  region                = "us-central1"
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = google_cloud_run_v2_service.row[each.key].name
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_backend_service" "row" {
  for_each              = toset(var.rows)
  name                  = each.key
  load_balancing_scheme = "EXTERNAL_MANAGED"
  backend {
    group = google_compute_region_network_endpoint_group.neg[each.key].id
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_url_map" "edge" {
  name            = "edge"
  default_service = google_compute_backend_service.row["create-order"].id
  host_rule {
    hosts        = ["*"]
    path_matcher = "registry"
  }
  path_matcher {
    name            = "registry"
    default_service = google_compute_backend_service.row["create-order"].id
    dynamic "route_rules" {
      for_each = var.rows
      content {
        priority = route_rules.key + 1
        service  = google_compute_backend_service.row[route_rules.value].id
        match_rules {
          full_path_match = "/${route_rules.value}"
        }
      }
    }
  }
}
