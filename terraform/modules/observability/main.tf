# What tells people that something is wrong, made of Google's own metrics. Meridian's own are in Managed Service for Prometheus
# (docs/metrics.md), where its processes write them.

locals {
  minute = "60s"

  # Each alert: a filter, how its points are aligned and combined, and from when on it is one.
  alerts = {
    edge_errors = {
      name        = "The edge answers more than 1 % of requests with 5xx", severity = "CRITICAL", minutes = 5, above = 0.01
      filter      = "resource.type = \"https_lb_rule\" AND resource.labels.url_map_name = \"${var.url_map}\" AND metric.type = \"loadbalancing.googleapis.com/https/request_count\" AND metric.labels.response_code_class = 500"
      denominator = "resource.type = \"https_lb_rule\" AND resource.labels.url_map_name = \"${var.url_map}\" AND metric.type = \"loadbalancing.googleapis.com/https/request_count\""
      aligner     = "ALIGN_RATE", reducer = "REDUCE_SUM", by = []
      help        = "Which backend service: Load balancing > Monitoring. See «A bad release» in terraform/README.md."
    }
    database_connections = {
      name        = "A database server has 80 % of its connections in use", severity = "CRITICAL", minutes = 5, above = var.max_connections * var.share
      filter      = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/postgresql/num_backends\""
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = ["resource.label.database_id"]
      help        = "The scales of functions/registry.yaml were to prevent that: look for a leak, or for instances of an old revision."
    }
    database_disk = {
      name        = "A database server's disk is 85 % full", severity = "WARNING", minutes = 15, above = 0.85
      filter      = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/disk/utilization\""
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.database_id"]
      help        = "It grows by itself; see whether it does."
    }
    database_cpu = {
      name        = "A database server's CPU is at 85 %", severity = "WARNING", minutes = 15, above = 0.85
      filter      = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/cpu/utilization\""
      denominator = "", aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", by = ["resource.label.database_id"]
      help        = "The first bottleneck: a larger tier, or another cell. See the capacity plan in terraform/README.md."
    }
    replica_lag = {
      name        = "A replica or standby is a minute behind", severity = "WARNING", minutes = 10, above = 60
      filter      = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/replication/replica_lag\""
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.database_id"]
      help        = "What a standby lacks is lost if its primary is. Reads avoid a replica that lags by 5 s by themselves."
    }
    events_late = {
      name        = "An event waits for 5 minutes", severity = "CRITICAL", minutes = 5, above = 300
      filter      = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND NOT resource.labels.subscription_id = monitoring.regex.full_match(\".*-dead-.*\")"
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.subscription_id"]
      help        = "The row's function fails or is at its maximum: its logs say which."
    }
    events_dead = {
      name        = "An event could not be decoded", severity = "CRITICAL", minutes = 1, above = 0
      filter      = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND resource.labels.subscription_id = monitoring.regex.full_match(\".*-dead-.*\")"
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.subscription_id"]
      help        = "Its attributes name the consumer and the reason. Nothing else waits for it."
    }
    cache_memory = {
      name        = "A Redis cluster's memory is 85 % full", severity = "WARNING", minutes = 15, above = 0.85
      filter      = "resource.type = \"redis.googleapis.com/Cluster\" AND metric.type = \"redis.googleapis.com/cluster/memory/maximum_utilization\""
      denominator = "", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = ["resource.label.cluster_id"]
      help        = "It evicts what has a lifetime. More shards: the variable cache."
    }
    schedules_fail = {
      name        = "A schedule row fails", severity = "WARNING", minutes = 10, above = 0
      filter      = "resource.type = \"cloud_scheduler_job\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.schedules.name}\""
      denominator = "", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = ["resource.label.job_id"]
      help        = "The next run is the retry; the row's logs say why."
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  for_each = toset(var.emails)

  display_name = each.key
  type         = "email"
  labels       = { email_address = each.key }
}

resource "google_logging_metric" "schedules" {
  name   = "schedule-failures"
  filter = "resource.type=\"cloud_scheduler_job\" AND severity>=ERROR"
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_monitoring_alert_policy" "this" {
  for_each = local.alerts

  display_name          = each.value.name
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = each.value.name
    condition_threshold {
      filter             = each.value.filter
      denominator_filter = each.value.denominator == "" ? null : each.value.denominator
      comparison         = "COMPARISON_GT"
      threshold_value    = each.value.above
      duration           = "${each.value.minutes * 60}s"
      aggregations {
        alignment_period     = local.minute
        per_series_aligner   = each.value.aligner
        cross_series_reducer = each.value.reducer
        group_by_fields      = each.value.by
      }
      dynamic "denominator_aggregations" {
        for_each = each.value.denominator == "" ? [] : [true]
        content {
          alignment_period     = local.minute
          per_series_aligner   = each.value.aligner
          cross_series_reducer = each.value.reducer
          group_by_fields      = each.value.by
        }
      }
    }
  }
  documentation {
    content   = each.value.help
    mime_type = "text/markdown"
  }
  alert_strategy {
    auto_close = "86400s"
  }
}

# Alerts and dashboards over Meridian's own metrics: the same as those of a Prometheus and a Grafana, generated from one
# description (cloudbuild/observability).
locals {
  own_alerts = jsondecode(file("${path.module}/generated/alerts.json"))
}

resource "google_monitoring_alert_policy" "own" {
  for_each = local.own_alerts

  display_name          = each.key
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = each.key
    condition_prometheus_query_language {
      query               = each.value.query
      duration            = "${each.value.seconds}s"
      evaluation_interval = local.minute
      rule_group          = "meridian"
      alert_rule          = each.key
      # A metric exists once a process has written it, which may be after the first apply.
      disable_metric_validation = true
    }
  }
  documentation {
    subject   = each.value.summary
    content   = each.value.remedy
    mime_type = "text/markdown"
  }
  alert_strategy {
    auto_close = "86400s"
  }
}

resource "google_monitoring_dashboard" "own" {
  for_each = fileset("${path.module}/generated/cloud", "*.json")

  dashboard_json = file("${path.module}/generated/cloud/${each.key}")
}

# From outside, by the public name.
resource "google_monitoring_uptime_check_config" "health" {
  display_name = "health"
  period       = local.minute
  timeout      = "10s"

  http_check {
    path         = var.health_path
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }
  monitored_resource {
    type   = "uptime_url"
    labels = { project_id = var.project, host = var.domain }
  }
}

resource "google_monitoring_alert_policy" "uptime" {
  display_name          = "The API cannot be reached"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [for channel in google_monitoring_notification_channel.email : channel.id]

  conditions {
    display_name = "The API cannot be reached from two places"
    condition_threshold {
      filter          = "resource.type = \"uptime_url\" AND metric.type = \"monitoring.googleapis.com/uptime_check/check_passed\" AND metric.labels.check_id = \"${google_monitoring_uptime_check_config.health.uptime_check_id}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 1
      duration        = "120s"
      aggregations {
        alignment_period     = "120s"
        per_series_aligner   = "ALIGN_NEXT_OLDER"
        cross_series_reducer = "REDUCE_COUNT_FALSE"
        group_by_fields      = ["resource.label.host"]
      }
    }
  }
  documentation {
    content   = "See «A region is lost» in terraform/README.md, if it is one; otherwise the certificate, DNS, or the load balancer."
    mime_type = "text/markdown"
  }
}

# The promise: 99.95 % of requests are answered by other than 5xx, over 28 days.
resource "google_monitoring_custom_service" "api" {
  display_name = "Meridian's API"
}

resource "google_monitoring_slo" "availability" {
  service             = google_monitoring_custom_service.api.service_id
  display_name        = "Requests that are answered"
  goal                = 0.9995
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      total_service_filter = "metric.type = \"loadbalancing.googleapis.com/https/request_count\" AND resource.type = \"https_lb_rule\" AND resource.labels.url_map_name = \"${var.url_map}\""
      bad_service_filter   = "metric.type = \"loadbalancing.googleapis.com/https/request_count\" AND resource.type = \"https_lb_rule\" AND resource.labels.url_map_name = \"${var.url_map}\" AND metric.labels.response_code_class = 500"
    }
  }
}

resource "google_monitoring_slo" "latency" {
  service             = google_monitoring_custom_service.api.service_id
  display_name        = "Requests that are answered within a second"
  goal                = 0.99
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "metric.type = \"loadbalancing.googleapis.com/https/total_latencies\" AND resource.type = \"https_lb_rule\" AND resource.labels.url_map_name = \"${var.url_map}\""
      range {
        max = 1000
      }
    }
  }
}

resource "google_monitoring_dashboard" "this" {
  dashboard_json = jsonencode({
    displayName = "Meridian"
    gridLayout = {
      columns = "2"
      widgets = [
        for title, query in {
          "Requests by status"            = { type = "https_lb_rule", metric = "loadbalancing.googleapis.com/https/request_count", aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", by = "metric.label.response_code_class" }
          "Latency, 99th percentile (ms)" = { type = "https_lb_rule", metric = "loadbalancing.googleapis.com/https/total_latencies", aligner = "ALIGN_DELTA", reducer = "REDUCE_PERCENTILE_99", by = "resource.label.url_map_name" }
          "Instances by service"          = { type = "cloud_run_revision", metric = "run.googleapis.com/container/instance_count", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = "resource.label.service_name" }
          "Events that wait, oldest (s)"  = { type = "pubsub_subscription", metric = "pubsub.googleapis.com/subscription/oldest_unacked_message_age", aligner = "ALIGN_MAX", reducer = "REDUCE_MAX", by = "resource.label.subscription_id" }
          "Database connections"          = { type = "cloudsql_database", metric = "cloudsql.googleapis.com/database/postgresql/num_backends", aligner = "ALIGN_MAX", reducer = "REDUCE_SUM", by = "resource.label.database_id" }
          "Database CPU"                  = { type = "cloudsql_database", metric = "cloudsql.googleapis.com/database/cpu/utilization", aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", by = "resource.label.database_id" }
          } : {
          title = title
          xyChart = {
            dataSets = [{
              plotType = "LINE"
              timeSeriesQuery = {
                timeSeriesFilter = {
                  filter = "resource.type = \"${query.type}\" AND metric.type = \"${query.metric}\""
                  aggregation = {
                    alignmentPeriod    = local.minute
                    perSeriesAligner   = query.aligner
                    crossSeriesReducer = query.reducer
                    groupByFields      = [query.by]
                  }
                }
              }
            }]
          }
        }
      ]
    }
  })
}

# Who read or changed what: administrators' actions are logged anyway, these are the reads of what is secret.
resource "google_project_iam_audit_config" "reads" {
  for_each = toset(["secretmanager.googleapis.com", "cloudkms.googleapis.com", "iam.googleapis.com"])

  project = var.project
  service = each.key
  audit_log_config {
    log_type = "ADMIN_READ"
  }
  audit_log_config {
    log_type = "DATA_READ"
  }
}
