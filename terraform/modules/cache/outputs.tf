output "urls" {
  description = "REDIS_URL, by region."
  value       = { for region, cluster in google_redis_cluster.this : region => "rediss://${join("", cluster.discovery_endpoints[*].address)}:6379" }
}

output "authorities" {
  description = "The secret with the authorities that sign the nodes' certificates, by region."
  value       = { for region, secret in google_secret_manager_secret.authorities : region => secret.secret_id }
}
