output "addresses" {
  description = "The addresses by IP version."
  value       = { for version, address in google_compute_global_address.this : version => address.address }
}

output "records" {
  description = "The DNS records that the domain needs: its addresses, and the proof for its certificate."
  value       = local.records
}

output "url_map" {
  description = "The URL map, for metrics of the load balancer."
  value       = google_compute_url_map.https.name
}
