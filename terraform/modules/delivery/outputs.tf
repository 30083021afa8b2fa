output "repository" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "attestor" {
  description = "Who attests that an image was released."
  value       = google_binary_authorization_attestor.release.id
}

output "pool" {
  description = "The pool that builds run in."
  value       = google_cloudbuild_worker_pool.this.id
}
