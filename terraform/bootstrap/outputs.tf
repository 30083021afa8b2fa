output "bucket" {
  description = "The bucket of the state, for environments/*/backend.hcl."
  value       = google_storage_bucket.state.name
}

output "accounts" {
  description = "The pipeline's accounts."
  value       = { for role, account in google_service_account.build : role => account.email }
}

output "release_key" {
  description = "The key that signs releases; its public half goes into environments/*/terraform.tfvars."
  value       = "${google_kms_crypto_key.releases.id}/cryptoKeyVersions/1"
}

output "provider" {
  description = "The provider that a pipeline outside of Cloud Build names; empty without one."
  value       = join("", google_iam_workload_identity_pool_provider.builds[*].name)
}
