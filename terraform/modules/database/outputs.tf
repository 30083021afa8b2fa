output "instances" {
  description = "CLOUD_SQL_INSTANCE, by cell."
  value       = { for cell, server in google_sql_database_instance.primary : cell => "${var.project}:${server.region}:${server.name}" }
}

# By its name, and not by the server itself: what is to serve there in an emergency then waits for no change of that.
output "standbys" {
  description = "The connection name of the standby of each cell that has one."
  value       = { for cell, region in var.standbys : cell => "${var.project}:${region}:${google_sql_database_instance.primary[cell].name}-standby" }
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
