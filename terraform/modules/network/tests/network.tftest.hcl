mock_provider "google" {}

variables {
  name      = "test"
  regions   = ["us-central1", "europe-west1"]
  instances = 800
}

run "each_region_has_ranges_of_its_own" {
  command = plan
  assert {
    condition     = [for subnet in google_compute_subnetwork.instances : subnet.ip_cidr_range] == ["10.17.0.0/19", "10.16.0.0/19"]
    error_message = "By name of the region, each from its own /16."
  }
  assert {
    condition     = [for subnet in google_compute_subnetwork.endpoints : subnet.ip_cidr_range] == ["10.17.32.0/24", "10.16.32.0/24"]
    error_message = "Beyond the instances' range."
  }
}

run "only_what_is_tagged_reaches_the_internet" {
  command = plan
  assert {
    condition     = google_compute_firewall.internet.target_tags == toset(["internet"])
    error_message = "Others are not let out."
  }
  assert {
    condition     = google_compute_firewall.egress.priority > google_compute_firewall.internet.priority && google_compute_firewall.internet.priority > google_compute_firewall.private.priority
    error_message = "Exceptions come before the rule, and private addresses before the internet."
  }
}

run "a_subnet_that_is_too_small_is_refused" {
  command = plan
  variables {
    instances = 5000
  }
  expect_failures = [google_compute_subnetwork.instances]
}
