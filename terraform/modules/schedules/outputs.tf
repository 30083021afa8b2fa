output "names" {
  description = "The schedules by row."
  value       = { for row, job in google_cloud_scheduler_job.row : row => job.name }
}
