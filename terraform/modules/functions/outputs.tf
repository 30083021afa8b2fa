output "services" {
  description = "The names of the functions' Cloud Run services by row; whoever uses them waits for the services."
  value       = { for name, each in var.functions : each.row => google_cloud_run_v2_service.function[name].name }
}

output "jobs" {
  description = "The names of the jobs."
  value       = { for name, job in google_cloud_run_v2_job.this : name => job.name }
}
