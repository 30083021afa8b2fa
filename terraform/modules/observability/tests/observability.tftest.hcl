mock_provider "google" {}

variables {
  project         = "test-project"
  domain          = "api.example.com"
  health_path     = "/health"
  url_map         = "meridian"
  max_connections = 4000
  share           = 0.8
  emails          = ["oncall@example.com"]
}

run "alerts_reach_somebody" {
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.this : length(policy.notification_channels) == 1 && length(policy.documentation[0].content) > 0])
    error_message = "Each says what to do, to somebody."
  }
  assert {
    condition     = google_monitoring_alert_policy.this["database_connections"].conditions[0].condition_threshold[0].threshold_value == 3200
    error_message = "At the share that the registry allows."
  }
}

run "meridians_own_alerts_are_there" {
  assert {
    condition     = google_monitoring_alert_policy.own["MoneyInvariantViolated"].conditions[0].condition_prometheus_query_language[0].duration == "0s"
    error_message = "Money that does not add up is told at once."
  }
  assert {
    condition     = length(google_monitoring_dashboard.own) == length(fileset("${path.module}/generated/cloud", "*.json")) && length(google_monitoring_dashboard.own) > 0 && alltrue([for policy in google_monitoring_alert_policy.own : length(policy.notification_channels) == 1])
    error_message = "All of them, to somebody."
  }
}

run "it_is_asked_from_outside" {
  assert {
    condition     = google_monitoring_uptime_check_config.health.http_check[0].path == "/health" && google_monitoring_uptime_check_config.health.http_check[0].validate_ssl
    error_message = "By its public name, with its certificate."
  }
}
