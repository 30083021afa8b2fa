# The schedules of a cell in a region: Cloud Scheduler starts each schedule row, as the local stack's scheduler does, and the audit once a day.

resource "google_cloud_scheduler_job" "row" {
  for_each = var.rows

  name             = "${replace(each.key, "_", "-")}${var.suffix}"
  region           = var.region
  paused           = var.paused
  schedule         = each.value.schedule
  time_zone        = "Etc/UTC"
  attempt_deadline = "${each.value.seconds}s"

  # The next run is the retry.
  retry_config {
    retry_count = 0
  }
  http_target {
    http_method = "POST"
    uri         = "${each.value.url}/"
    oidc_token {
      service_account_email = var.account
      audience              = each.value.url
    }
  }

  lifecycle {
    precondition {
      condition     = lookup(var.services, each.key, "") != ""
      error_message = "${each.key} has no service in ${var.region}."
    }
  }
}

resource "google_cloud_run_v2_job_iam_member" "audit" {
  name     = var.audit
  location = var.region
  role     = "roles/run.invoker"
  member   = "serviceAccount:${var.account}"
}

resource "google_cloud_scheduler_job" "audit" {
  name             = var.audit
  region           = var.region
  paused           = var.paused
  schedule         = "20 4 * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"

  retry_config {
    retry_count = 1
  }
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/${var.audit}:run"
    oauth_token {
      service_account_email = var.account
      scope                 = "https://www.googleapis.com/auth/cloud-platform"
    }
  }
  depends_on = [google_cloud_run_v2_job_iam_member.audit]
}
