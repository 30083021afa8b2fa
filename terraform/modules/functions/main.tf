# A cell's processes in a region, on Cloud Run, all of one image: functions, RPC hosts, workers, jobs.
#
# Terraform owns their shape, the rollout their revisions (cloudbuild/rollout): which image runs and who gets traffic is ignored
# here once a service exists.

locals {
  # The file of each secret is `value` in a directory that is called like it: Cloud Run mounts one secret a directory.
  folder = "/secrets"
}

resource "google_cloud_run_v2_service" "function" {
  for_each = var.functions

  name                 = each.key
  location             = var.region
  ingress              = each.value.ingress
  invoker_iam_disabled = true  # users have the contract's tokens, and Google's callers are checked by the code
  default_uri_disabled = false # by it Google's callers and the rollout's smoke tests reach a revision; ingress keeps others out
  deletion_protection  = false # it holds nothing, and a row that is removed has to go
  labels               = { row = replace(each.value.row, "_", "-"), service = each.value.service, cell = var.cell }

  # Of the service: blue and green share them, so that a rollout does not double what the database sees.
  scaling {
    min_instance_count = each.value.least
    max_instance_count = each.value.most
  }
  binary_authorization {
    use_default = true
  }

  template {
    service_account                  = each.value.account
    max_instance_request_concurrency = each.value.concurrency
    timeout                          = "${each.value.seconds}s"
    labels                           = { row = replace(each.value.row, "_", "-"), service = each.value.service }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
        tags       = each.value.internet ? ["function", "internet"] : ["function"]
      }
    }

    containers {
      image = var.image
      args  = each.value.args

      resources {
        limits            = { cpu = "1", memory = "512Mi" }
        cpu_idle          = true # paid while it answers
        startup_cpu_boost = true
      }
      ports {
        name           = "http1"
        container_port = 8080
      }
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30
        http_get {
          path = "/_probe/startup"
          port = 8080
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        http_get {
          path = "/_probe/live"
          port = 8080
        }
      }
      # Where it is not ready in most instances, the load balancer sends its users to another region.
      dynamic "readiness_probe" {
        for_each = each.value.failover ? [true] : []
        content {
          period_seconds    = 5
          timeout_seconds   = 2
          failure_threshold = 3
          success_threshold = 2
          http_get {
            path = "/_probe/ready"
            port = 8080
          }
        }
      }

      dynamic "env" {
        for_each = each.value.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = each.value.chains ? [var.chain_urls] : []
        content {
          name = "CHAIN_URLS"
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = each.value.files
        content {
          name       = replace(volume_mounts.value, "_", "-")
          mount_path = "${local.folder}/${volume_mounts.key}"
        }
      }
    }

    dynamic "volumes" {
      for_each = each.value.files
      content {
        name = replace(volumes.value, "_", "-")
        secret {
          secret       = volumes.value
          default_mode = 292 # 0444
          items {
            path    = "value"
            version = "latest"
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      client, client_version, traffic, annotations, template[0].revision, template[0].annotations,
      template[0].containers[0].image,
    ]
  }
}

resource "google_cloud_run_v2_service" "rpc" {
  for_each = var.rpc_hosts

  name                 = each.key
  location             = var.region
  ingress              = "INGRESS_TRAFFIC_INTERNAL_ONLY"
  invoker_iam_disabled = false
  default_uri_disabled = false
  deletion_protection  = false
  labels               = { service = each.value.service, cell = var.cell }

  scaling {
    min_instance_count = each.value.least
    max_instance_count = each.value.most
  }
  binary_authorization {
    use_default = true
  }

  template {
    service_account                  = each.value.account
    max_instance_request_concurrency = each.value.concurrency
    timeout                          = "${each.value.seconds}s"
    labels                           = { service = each.value.service }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
        tags       = each.value.internet ? ["rpc", "internet"] : ["rpc"]
      }
    }

    containers {
      image = var.image
      args  = each.value.args

      resources {
        limits            = { cpu = "1", memory = "512Mi" }
        cpu_idle          = false # batches and notifications run on between calls
        startup_cpu_boost = true
      }
      ports {
        name           = "h2c"
        container_port = 8080
      }
      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 30
        grpc {
          port = 8080
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 3
        grpc {
          port = 8080
        }
      }

      dynamic "env" {
        for_each = each.value.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = each.value.chains ? [var.chain_urls] : []
        content {
          name = "CHAIN_URLS"
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = each.value.files
        content {
          name       = replace(volume_mounts.value, "_", "-")
          mount_path = "${local.folder}/${volume_mounts.key}"
        }
      }
    }

    dynamic "volumes" {
      for_each = each.value.files
      content {
        name = replace(volumes.value, "_", "-")
        secret {
          secret       = volumes.value
          default_mode = 292
          items {
            path    = "value"
            version = "latest"
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      client, client_version, traffic, annotations, template[0].revision, template[0].annotations,
      template[0].containers[0].image,
    ]
  }
}

# Cloud Run lets in who may call any of a host's methods; which of them, the host checks by its rows.
resource "google_cloud_run_v2_service_iam_binding" "callers" {
  for_each = var.rpc_hosts

  name     = google_cloud_run_v2_service.rpc[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  members  = [for caller in each.value.callers : "serviceAccount:${caller}"]
}

resource "google_cloud_run_v2_worker_pool" "this" {
  for_each = var.workers

  name                = each.key
  location            = var.region
  deletion_protection = false
  labels              = { service = each.value.service, cell = var.cell }

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = each.value.instances
  }
  binary_authorization {
    use_default = true
  }

  template {
    service_account = each.value.account
    labels          = { service = each.value.service }

    vpc_access {
      egress = "ALL_TRAFFIC"
      network_interfaces {
        network    = var.network
        subnetwork = var.subnet
        tags       = each.value.internet ? ["worker", "internet"] : ["worker"]
      }
    }

    containers {
      image = var.image
      args  = each.value.args

      resources {
        limits = { cpu = "1", memory = "512Mi" }
      }
      startup_probe {
        period_seconds    = 2
        timeout_seconds   = 1
        failure_threshold = 30
        http_get {
          path = "/_probe/startup"
          port = 8080
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6
        http_get {
          path = "/_probe/live"
          port = 8080
        }
      }

      dynamic "env" {
        for_each = each.value.environment
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = each.value.chains ? [var.chain_urls] : []
        content {
          name = "CHAIN_URLS"
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = each.value.files
        content {
          name       = replace(volume_mounts.value, "_", "-")
          mount_path = "${local.folder}/${volume_mounts.key}"
        }
      }
    }

    dynamic "volumes" {
      for_each = each.value.files
      content {
        name = replace(volumes.value, "_", "-")
        secret {
          secret       = volumes.value
          default_mode = 292
          items {
            path    = "value"
            version = "latest"
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [
      client, client_version, instance_splits, annotations, template[0].revision, template[0].annotations,
      template[0].client, template[0].client_version, template[0].containers[0].image,
    ]
  }
}

resource "google_cloud_run_v2_job" "this" {
  for_each = var.jobs

  name                = each.key
  location            = var.region
  deletion_protection = false
  labels              = { job = each.value.job, cell = var.cell, serves = tostring(var.serves) }

  binary_authorization {
    use_default = true
  }

  template {
    task_count  = 1
    parallelism = 1
    labels      = { job = each.value.job }

    template {
      service_account = each.value.account
      timeout         = "${each.value.seconds}s"
      max_retries     = 0 # whoever starts it decides

      vpc_access {
        egress = "ALL_TRAFFIC"
        network_interfaces {
          network    = var.network
          subnetwork = var.subnet
          tags       = ["job"]
        }
      }

      containers {
        image = var.image
        args  = each.value.args

        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }
        dynamic "env" {
          for_each = each.value.environment
          content {
            name  = env.key
            value = env.value
          }
        }
        dynamic "volume_mounts" {
          for_each = each.value.files
          content {
            name       = replace(volume_mounts.value, "_", "-")
            mount_path = "${local.folder}/${volume_mounts.key}"
          }
        }
      }

      dynamic "volumes" {
        for_each = each.value.files
        content {
          name = replace(volumes.value, "_", "-")
          secret {
            secret       = volumes.value
            default_mode = 292
            items {
              path    = "value"
              version = "latest"
            }
          }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [client, client_version, annotations, template[0].annotations, template[0].template[0].containers[0].image]
  }
}
