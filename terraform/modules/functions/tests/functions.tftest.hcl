mock_provider "google" {}

variables {
  region     = "us-central1"
  cell       = "us"
  serves     = true
  image      = "us-docker.pkg.dev/test-project/meridian/meridian@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  network    = "network"
  subnet     = "subnet"
  chain_urls = "chain_urls"
  functions = {
    create-order = {
      row         = "create_order", service = "order", args = ["function", "create_order"], account = "order-service@test-project.iam.gserviceaccount.com"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", failover = true, least = 1, most = 10, concurrency = 16, seconds = 30
      environment = { SECRETS_DIR = "/secrets" }, files = { "jwt_public_keys.json" = "jwt_public_keys-json", redis_ca = "redis_ca-us-central1" }
      chains      = false, internet = false
    }
    capture-hold = {
      row         = "capture_hold", service = "wallet", args = ["function", "capture_hold"], account = "wallet-service@test-project.iam.gserviceaccount.com"
      ingress     = "INGRESS_TRAFFIC_INTERNAL_ONLY", failover = false, least = 0, most = 5, concurrency = 16, seconds = 60
      environment = {}, files = {}, chains = true, internet = true
    }
  }
  rpc_hosts = {
    rpc-wallet = {
      service     = "wallet", args = ["rpc", "wallet"], account = "wallet-service@test-project.iam.gserviceaccount.com"
      callers     = ["order-service@test-project.iam.gserviceaccount.com"], least = 1, most = 10, concurrency = 80, seconds = 30
      environment = {}, files = {}, chains = true, internet = true
    }
  }
  workers = {
    relay-wallet = {
      service     = "wallet", args = ["relay", "wallet"], account = "wallet-service@test-project.iam.gserviceaccount.com", instances = 1
      environment = { PORT = "8080" }, files = {}, chains = true, internet = true
    }
  }
  jobs = {
    migrate = { job = "migrate", args = ["migrate"], account = "migrations@test-project.iam.gserviceaccount.com", seconds = 3600, environment = {}, files = {} }
  }
}

run "maxima_are_the_services" {
  command = plan
  assert {
    condition     = google_cloud_run_v2_service.function["create-order"].scaling[0].max_instance_count == 10 && length(google_cloud_run_v2_service.function["create-order"].template[0].scaling) == 0
    error_message = "Blue and green share them."
  }
}

run "only_what_moves_users_is_asked_whether_it_is_ready" {
  command = plan
  assert {
    condition = {
      for name, each in google_cloud_run_v2_service.function : name => length(each.template[0].containers[0].readiness_probe)
    } == { create-order = 1, capture-hold = 0 }
    error_message = "A readiness probe for failover rows."
  }
}

run "a_secret_has_a_folder_of_its_own" {
  command = plan
  assert {
    condition     = [for mount in google_cloud_run_v2_service.function["create-order"].template[0].containers[0].volume_mounts : mount.mount_path] == ["/secrets/jwt_public_keys.json", "/secrets/redis_ca"]
    error_message = "Cloud Run mounts one a directory."
  }
  assert {
    condition     = alltrue([for volume in google_cloud_run_v2_service.function["create-order"].template[0].volumes : volume.secret[0].items[0].path == "value"])
    error_message = "As shared/config.py reads them."
  }
}

run "rpc_hosts_speak_grpc_to_their_callers" {
  command = plan
  assert {
    condition     = google_cloud_run_v2_service.rpc["rpc-wallet"].template[0].containers[0].ports[0].name == "h2c" && length(google_cloud_run_v2_service.rpc["rpc-wallet"].template[0].containers[0].startup_probe[0].grpc) == 1
    error_message = "HTTP/2 without TLS behind Cloud Run's, and gRPC's health."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_binding.callers["rpc-wallet"].members == toset(["serviceAccount:order-service@test-project.iam.gserviceaccount.com"]) && !google_cloud_run_v2_service.rpc["rpc-wallet"].invoker_iam_disabled
    error_message = "Nobody else is let in."
  }
}

run "only_what_has_to_is_let_out" {
  command = plan
  assert {
    condition = [
      for name, each in google_cloud_run_v2_service.function : name
      if contains(each.template[0].vpc_access[0].network_interfaces[0].tags, "internet")
    ] == ["capture-hold"]
    error_message = "The firewall lets tagged instances out."
  }
}
