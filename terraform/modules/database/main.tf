# A server for each cell, in the region that serves it, with all its services' databases.

locals {
  flags = {
    "cloudsql.iam_authentication" = "on"
    "max_connections"             = tostring(var.max_connections)
    "log_connections"             = "on"
    "log_disconnections"          = "on"
    "log_checkpoints"             = "on"
    # Of the pages that are logged in full, each once after a checkpoint.
    "wal_compression" = "on"
    "log_lock_waits"  = "on"
    "log_temp_files"  = "0"
    # Slow statements are in Query Insights, without their parameters.
    "log_min_duration_statement" = "-1"
  }

  databases = {
    for pair in setproduct(keys(var.cells), var.services) : "${pair[0]}/${pair[1]}" => {
      cell    = pair[0]
      service = pair[1]
      # As shared/config.py names it.
      name = "${pair[1]}_${pair[0]}"
    }
  }
  logins = {
    for pair in setproduct(keys(var.cells), keys(var.logins)) : "${pair[0]}/${pair[1]}" => { cell = pair[0], login = pair[1] }
  }
}

resource "google_sql_database_instance" "primary" {
  for_each = var.cells

  name                = "cell-${each.key}${lookup(var.server.generations, each.key, "")}"
  region              = each.value
  database_version    = var.server.version
  instance_type       = "CLOUD_SQL_INSTANCE"
  deletion_protection = var.deletion_protection

  settings {
    tier                         = var.server.tier
    edition                      = var.server.edition
    availability_type            = "REGIONAL"
    disk_type                    = "PD_SSD"
    disk_size                    = var.server.disk_gb
    disk_autoresize              = true
    deletion_protection_enabled  = var.deletion_protection
    retain_backups_on_delete     = true
    connector_enforcement        = "REQUIRED"
    enable_dataplex_integration  = false
    enable_google_ml_integration = false

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      server_ca_mode  = "GOOGLE_MANAGED_CAS_CA"
    }
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      transaction_log_retention_days = var.server.retained_days
      start_time                     = "02:00"
      backup_retention_settings {
        retained_backups = 30
        retention_unit   = "COUNT"
      }
    }
    maintenance_window {
      day          = var.server.maintenance_at.day
      hour         = var.server.maintenance_at.hour
      update_track = "stable"
    }
    insights_config {
      query_insights_enabled  = true
      query_plans_per_minute  = 5
      query_string_length     = 1024
      record_application_tags = false
      record_client_address   = false
    }
    dynamic "database_flags" {
      for_each = merge(local.flags, contains(var.server.read_only, each.key) ? { "default_transaction_read_only" = "on" } : {})
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
    dynamic "connection_pool_config" {
      for_each = var.server.pooling ? [true] : []
      content {
        connection_pooling_enabled = true
        flags {
          name  = "pool_mode"
          value = "transaction"
        }
      }
    }
  }

  lifecycle {
    # A disk grows by itself; Terraform must not shrink it, which would replace the server.
    ignore_changes = [settings[0].disk_size]

    precondition {
      condition     = var.connections <= var.max_connections * var.share
      error_message = "A region's processes may open ${var.connections} connections, which is more than ${var.share} of the server's ${var.max_connections}: lower the scales in functions/registry.yaml."
    }
    precondition {
      condition     = !var.server.pooling || var.server.edition == "ENTERPRISE_PLUS"
      error_message = "Managed Connection Pooling is there in the edition ENTERPRISE_PLUS only."
    }
    precondition {
      condition     = var.connected != ""
      error_message = "The network has no connection to Google's services."
    }
  }
}

# In the cell's region, for reads with `?consistency=eventual`.
resource "google_sql_database_instance" "replica" {
  for_each = var.cells

  name                 = "${google_sql_database_instance.primary[each.key].name}-replica"
  region               = each.value
  database_version     = var.server.version
  master_instance_name = google_sql_database_instance.primary[each.key].name
  instance_type        = "READ_REPLICA_INSTANCE"
  deletion_protection  = var.deletion_protection

  settings {
    tier                        = coalesce(var.server.replica_tier, var.server.tier)
    edition                     = var.server.edition
    availability_type           = "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.server.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      server_ca_mode  = "GOOGLE_MANAGED_CAS_CA"
    }
    dynamic "database_flags" {
      for_each = local.flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  lifecycle {
    ignore_changes = [settings[0].disk_size]
  }
}

# In another region, for the day on which the cell's region is lost: see the runbook in terraform/README.md.
resource "google_sql_database_instance" "standby" {
  for_each = var.standbys

  name                 = "${google_sql_database_instance.primary[each.key].name}-standby"
  region               = each.value
  database_version     = var.server.version
  master_instance_name = google_sql_database_instance.primary[each.key].name
  instance_type        = "READ_REPLICA_INSTANCE"
  deletion_protection  = var.deletion_protection

  settings {
    # As large as the primary, which it may have to replace; and once it has, with what a primary has.
    tier                        = var.server.tier
    edition                     = var.server.edition
    availability_type           = contains(var.promoted, each.key) ? "REGIONAL" : "ZONAL"
    disk_type                   = "PD_SSD"
    disk_size                   = var.server.disk_gb
    disk_autoresize             = true
    deletion_protection_enabled = var.deletion_protection
    connector_enforcement       = "REQUIRED"

    ip_configuration {
      ipv4_enabled    = false
      private_network = var.network
      ssl_mode        = "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"
      server_ca_mode  = "GOOGLE_MANAGED_CAS_CA"
    }
    dynamic "backup_configuration" {
      for_each = contains(var.promoted, each.key) ? [true] : []
      content {
        enabled                        = true
        point_in_time_recovery_enabled = true
        transaction_log_retention_days = var.server.retained_days
        start_time                     = "02:00"
        backup_retention_settings {
          retained_backups = 30
          retention_unit   = "COUNT"
        }
      }
    }
    dynamic "database_flags" {
      for_each = local.flags
      content {
        name  = database_flags.key
        value = database_flags.value
      }
    }
  }

  # A person promotes it, with gcloud. Terraform would make a promoted one anew, to have a standby again.
  lifecycle {
    ignore_changes = [settings[0].disk_size, instance_type, master_instance_name]
  }
}

resource "google_sql_database" "this" {
  for_each = local.databases

  name            = each.value.name
  instance        = google_sql_database_instance.primary[each.value.cell].name
  charset         = "UTF8"
  collation       = "en_US.UTF8"
  deletion_policy = "ABANDON"
}

# A login for each service's account. What it may do, the migrations grant to the role that is named like the service, and the
# job that runs them grants that role to the login.
resource "google_sql_user" "login" {
  for_each = local.logins

  name            = trimsuffix(var.logins[each.value.login], ".gserviceaccount.com")
  instance        = google_sql_database_instance.primary[each.value.cell].name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  deletion_policy = "ABANDON"
}

# The migrations' own login owns the schemas.
resource "google_sql_user" "migrations" {
  for_each = var.cells

  name            = trimsuffix(var.migrations, ".gserviceaccount.com")
  instance        = google_sql_database_instance.primary[each.key].name
  type            = "CLOUD_IAM_SERVICE_ACCOUNT"
  database_roles  = ["cloudsqlsuperuser"]
  deletion_policy = "ABANDON"
}
