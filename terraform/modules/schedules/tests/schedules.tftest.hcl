mock_provider "google" {}

variables {
  project  = "test-project"
  region   = "us-central1"
  rows     = { sweep_holds = { schedule = "* * * * *", url = "https://sweep-holds-1.us-central1.run.app", seconds = 60 } }
  services = { sweep_holds = "sweep-holds" }
  account  = "scheduler@test-project.iam.gserviceaccount.com"
  audit    = "audit"
}

run "a_row_is_called_with_a_token_for_it" {
  command = plan
  assert {
    condition = alltrue([
      google_cloud_scheduler_job.row["sweep_holds"].schedule == "* * * * *",
      google_cloud_scheduler_job.row["sweep_holds"].attempt_deadline == "60s",
      google_cloud_scheduler_job.row["sweep_holds"].http_target[0].uri == "https://sweep-holds-1.us-central1.run.app/",
      google_cloud_scheduler_job.row["sweep_holds"].http_target[0].oidc_token[0].audience == "https://sweep-holds-1.us-central1.run.app",
    ])
    error_message = "At its time, at its URL."
  }
}

run "where_a_cell_is_not_served_nothing_is_called" {
  command = plan
  variables {
    suffix = "-us2"
    paused = true
    audit  = "audit-us2"
  }
  assert {
    condition     = google_cloud_scheduler_job.row["sweep_holds"].name == "sweep-holds-us2" && google_cloud_scheduler_job.audit.name == "audit-us2"
    error_message = "Names of their own beside another cell's."
  }
  assert {
    condition     = google_cloud_scheduler_job.row["sweep_holds"].paused && google_cloud_scheduler_job.audit.paused
    error_message = "They are there, and wait."
  }
}

run "a_row_without_a_service_is_refused" {
  command = plan
  variables {
    services = {}
  }
  expect_failures = [google_cloud_scheduler_job.row]
}
