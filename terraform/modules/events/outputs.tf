output "kafka_bootstrap" {
  description = "KAFKA_BOOTSTRAP by region; empty with Pub/Sub."
  value = {
    for region in distinct(values(var.cells)) : region => var.bus == "kafka" ? "bootstrap.${google_managed_kafka_cluster.this[region].cluster_id}.${region}.managedkafka.${var.project}.cloud.goog:9092" : ""
  }
}

output "dead_subscriptions" {
  description = "The subscriptions to dead topics, for alerts."
  value       = [for subscription in google_pubsub_subscription.dead : subscription.name]
}

output "subscriptions" {
  description = "The subscriptions of event rows, for alerts."
  value       = [for subscription in google_pubsub_subscription.row : subscription.name]
}
