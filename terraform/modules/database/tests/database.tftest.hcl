mock_provider "google" {}

variables {
  project         = "test-project"
  cells           = { us = "us-central1", eu = "europe-west1" }
  standbys        = { us = "europe-west1" }
  services        = ["order", "wallet"]
  logins          = { order = "order-service@test-project.iam.gserviceaccount.com" }
  migrations      = "migrations@test-project.iam.gserviceaccount.com"
  network         = "projects/test-project/global/networks/test"
  connected       = "connected"
  max_connections = 1000
  share           = 0.8
  connections     = 800
  server = {
    tier           = "db-custom-2-8192"
    edition        = "ENTERPRISE"
    disk_gb        = 10
    retained_days  = 7
    generations    = { eu = "-2" }
    read_only      = ["eu"]
    pooling        = false
    version        = "POSTGRES_18"
    maintenance_at = { day = 7, hour = 3 }
  }
  deletion_protection = true
}

run "a_server_a_cell" {
  command = plan
  assert {
    condition     = output.instances == { us = "test-project:us-central1:cell-us", eu = "test-project:europe-west1:cell-eu-2" }
    error_message = "One for each cell, in its region, by its generation."
  }
  assert {
    condition     = [for database in google_sql_database.this : database.name] == ["order_eu", "wallet_eu", "order_us", "wallet_us"]
    error_message = "A database for each service, as shared/config.py names it."
  }
  assert {
    condition     = google_sql_user.login["us/order"].name == "order-service@test-project.iam"
    error_message = "A login is the account's address without the suffix."
  }
}

run "a_standby_is_elsewhere" {
  command = plan
  assert {
    condition     = { for cell, server in google_sql_database_instance.standby : cell => server.region } == { us = "europe-west1" }
    error_message = "It survives its cell's region."
  }
  assert {
    condition     = alltrue([for cell, server in google_sql_database_instance.replica : server.region == var.cells[cell]])
    error_message = "A replica is near."
  }
}

run "a_promoted_standby_is_kept_like_a_primary" {
  command = plan
  variables {
    promoted = ["us"]
  }
  assert {
    condition = alltrue([
      google_sql_database_instance.standby["us"].settings[0].availability_type == "REGIONAL",
      google_sql_database_instance.standby["us"].settings[0].backup_configuration[0].point_in_time_recovery_enabled,
    ])
    error_message = "In two zones, with backups of its own."
  }
  assert {
    condition     = output.standbys == { us = "test-project:europe-west1:cell-us-standby" }
    error_message = "It is where it was."
  }
}

run "a_cell_takes_no_writes_for_now" {
  command = plan
  assert {
    condition = [
      for cell, server in google_sql_database_instance.primary : cell
      if contains([for flag in server.settings[0].database_flags : flag.name], "default_transaction_read_only")
    ] == ["eu"]
    error_message = "Only the one that is named."
  }
}

run "too_many_connections_are_refused" {
  command = plan
  variables {
    connections = 801
  }
  expect_failures = [google_sql_database_instance.primary]
}

run "a_pooler_takes_its_edition" {
  command = plan
  variables {
    server = {
      tier           = "db-custom-2-8192"
      edition        = "ENTERPRISE"
      disk_gb        = 10
      retained_days  = 7
      generations    = {}
      read_only      = []
      pooling        = true
      version        = "POSTGRES_18"
      maintenance_at = { day = 7, hour = 3 }
    }
  }
  expect_failures = [google_sql_database_instance.primary]
}
