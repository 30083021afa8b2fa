mock_provider "google" {}

variables {
  project             = "test-project"
  serving             = { us = ["us-central1", "europe-west1"], us2 = ["us-central1"] }
  services            = ["order", "wallet"]
  database_users      = ["order"]
  signers             = { voucher = [], treasury = ["wallet"], relayer = [], tokens = [] }
  secrets             = { quote_key = ["order"], "jwt_public_keys.json" = ["order", "wallet"] }
  key_versions        = { "treasury-us-us-central1" = 3 }
  deletion_protection = true
}

run "each_service_is_somebody" {
  command = plan
  assert {
    condition     = output.emails.order == "order-service@test-project.iam.gserviceaccount.com" && length(output.emails) == 7
    error_message = "And so are migrations, the keeper, the promoter, the pusher and the scheduler."
  }
}

run "secrets_have_names_that_secret_manager_takes" {
  command = plan
  assert {
    condition     = output.secrets == { quote_key = "quote_key", "jwt_public_keys.json" = "jwt_public_keys-json" }
    error_message = "It takes no dots."
  }
  assert {
    condition     = alltrue([for name, grant in google_secret_manager_secret_iam_binding.this : grant.role == "roles/secretmanager.secretAccessor"])
    error_message = "Whoever reads a secret may do nothing else with it."
  }
}

run "who_sends_transactions_has_a_key_of_a_cell_in_a_region" {
  command = plan
  assert {
    condition = keys(output.key_versions) == [
      "relayer-us-europe-west1", "relayer-us-us-central1", "relayer-us2-us-central1",
      "treasury-us-europe-west1", "treasury-us-us-central1", "treasury-us2-us-central1", "voucher",
    ]
    error_message = "Nonces are counted in a cell, and no two regions that serve it share them."
  }
  assert {
    condition     = endswith(output.key_versions["treasury-us-us-central1"], "/cryptoKeys/treasury-us-us-central1/cryptoKeyVersions/3") && endswith(output.key_versions["voucher"], "/1")
    error_message = "The version that is said, or the first."
  }
}
