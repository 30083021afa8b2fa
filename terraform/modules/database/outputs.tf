output "instances" {
  description = "CLOUD_SQL_INSTANCE, by cell."
  value       = { for cell, server in google_sql_database_instance.primary : cell => "${var.project}:${server.region}:${server.name}" }
}

output "replicas" {
  description = "CLOUD_SQL_REPLICA, by cell."
  value       = { for cell, server in google_sql_database_instance.replica : cell => "${var.project}:${server.region}:${server.name}" }
}

output "names" {
  description = "The names of all servers, for alerts."
  value = concat(
    [for server in google_sql_database_instance.primary : server.name],
    [for server in google_sql_database_instance.replica : server.name],
    [for server in google_sql_database_instance.standby : server.name],
  )
}
