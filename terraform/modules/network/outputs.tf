output "id" {
  description = "The network."
  value       = google_compute_network.this.id
}

output "subnets" {
  description = "The subnet of the instances, by region."
  value       = { for region, subnet in google_compute_subnetwork.instances : region => subnet.id }
}

output "endpoints" {
  description = "The subnet of Private Service Connect, by region."
  value       = { for region, subnet in google_compute_subnetwork.endpoints : region => subnet.id }
}

output "services" {
  description = "The network's connection to Google's services; Cloud SQL has to wait for it."
  value       = google_service_networking_connection.services.id
}

output "redis" {
  description = "The connection policies of Redis, by region; its clusters have to wait for them."
  value       = { for region, policy in google_network_connectivity_service_connection_policy.redis : region => policy.id }
}
