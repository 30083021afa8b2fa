# A Redis cluster for each region: caches and counters, never the source of truth.

resource "google_redis_cluster" "this" {
  for_each = toset(var.regions)

  name                        = "cache"
  region                      = each.key
  shard_count                 = var.size.shards
  replica_count               = var.size.replicas
  node_type                   = var.size.node_type
  authorization_mode          = "AUTH_MODE_IAM_AUTH"
  transit_encryption_mode     = "TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION"
  deletion_protection_enabled = var.deletion_protection
  # As on the local stack.
  redis_configs = { "maxmemory-policy" = "volatile-lru" }

  psc_configs {
    network = var.network
  }
  persistence_config {
    mode = "DISABLED"
  }
  zone_distribution_config {
    mode = "MULTI_ZONE"
  }
  maintenance_policy {
    weekly_maintenance_window {
      day = "SUNDAY"
      start_time {
        hours   = 3
        minutes = 0
        seconds = 0
        nanos   = 0
      }
    }
  }

  lifecycle {
    precondition {
      condition     = lookup(var.connected, each.key, "") != ""
      error_message = "The network has no connection policy for Redis in ${each.key}."
    }
  }
}

# The authorities that sign the nodes' certificates, for clients to check; public, and kept where processes mount their files.
resource "google_secret_manager_secret" "authorities" {
  for_each = google_redis_cluster.this

  secret_id = "redis_ca-${each.key}"
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_version" "authorities" {
  for_each = google_redis_cluster.this

  secret      = google_secret_manager_secret.authorities[each.key].id
  secret_data = join("\n", concat(["# The authorities of ${each.key}'s Redis cluster"], flatten(each.value.managed_server_ca[*].ca_certs[*].certificates)))
}

resource "google_secret_manager_secret_iam_binding" "authorities" {
  for_each = google_secret_manager_secret.authorities

  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  members   = [for account in var.clients : "serviceAccount:${account}"]
}

# Log in with the account's own token.
resource "google_project_iam_member" "client" {
  for_each = var.clients

  project = var.project
  role    = "roles/redis.dbConnectionUser"
  member  = "serviceAccount:${each.value}"
}
