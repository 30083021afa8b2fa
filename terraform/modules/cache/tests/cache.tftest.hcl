mock_provider "google" {}

variables {
  project             = "test-project"
  regions             = ["us-central1", "europe-west1"]
  network             = "projects/test-project/global/networks/test"
  connected           = { us-central1 = "policy", europe-west1 = "policy" }
  clients             = { order = "order-service@test-project.iam.gserviceaccount.com" }
  size                = { node_type = "REDIS_SHARED_CORE_NANO", shards = 1, replicas = 0 }
  deletion_protection = true
}

run "clients_are_known_and_connections_encrypted" {
  assert {
    condition = alltrue([
      for cluster in google_redis_cluster.this :
      cluster.authorization_mode == "AUTH_MODE_IAM_AUTH" && cluster.transit_encryption_mode == "TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION"
    ])
    error_message = "Accounts log in, over TLS."
  }
  assert {
    condition     = output.authorities == { us-central1 = "redis_ca-us-central1", europe-west1 = "redis_ca-europe-west1" }
    error_message = "What clients check the nodes' certificates with is a secret of each region."
  }
}

run "a_cluster_needs_its_networks_policy" {
  command = plan
  variables {
    connected = { us-central1 = "policy" }
  }
  expect_failures = [google_redis_cluster.this]
}
