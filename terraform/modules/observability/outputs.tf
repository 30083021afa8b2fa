output "alerts" {
  description = "The alert policies by name."
  value       = { for name, policy in google_monitoring_alert_policy.this : name => policy.display_name }
}
