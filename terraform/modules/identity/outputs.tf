output "emails" {
  description = "The e-mail addresses of all accounts: services by their name, and migrations, keeper, promoter, pusher, scheduler."
  value       = { for name, account in local.accounts : name => "${account.id}@${var.project}.iam.gserviceaccount.com" }
  # The addresses follow from the ids; whoever uses them still waits for the accounts.
  depends_on = [google_service_account.this]
}

output "secrets" {
  description = "The ids in Secret Manager by name under SECRETS_DIR."
  value       = { for name, secret in google_secret_manager_secret.this : name => secret.secret_id }
}

output "key_versions" {
  description = "The versions in use of the keys that sign for chains, by key: voucher, and treasury and relayer of each cell in each region."
  value = {
    for name, key in google_kms_crypto_key.signing : name => join("/", [
      "projects/${var.project}/locations/${google_kms_key_ring.this.location}/keyRings/${google_kms_key_ring.this.name}",
      "cryptoKeys/${key.name}/cryptoKeyVersions/${lookup(var.key_versions, name, 1)}",
    ])
  }
}

output "token_key" {
  description = "The key whose versions sign access tokens."
  value       = google_kms_crypto_key.tokens.id
}
