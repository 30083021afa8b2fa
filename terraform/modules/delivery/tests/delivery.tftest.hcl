mock_provider "google" {}

variables {
  project     = "test-project"
  region      = "us-central1"
  environment = "staging"
  subnet      = "subnet"
  release_key = { version = "projects/test-project/locations/global/keyRings/delivery/cryptoKeys/releases/cryptoKeyVersions/1", public_pem = "-----BEGIN PUBLIC KEY-----" }
  repository  = null
}

run "only_signed_images_start" {
  command = plan
  assert {
    condition = alltrue([
      google_binary_authorization_policy.this.default_admission_rule[0].evaluation_mode == "REQUIRE_ATTESTATION",
      google_binary_authorization_policy.this.default_admission_rule[0].enforcement_mode == "ENFORCED_BLOCK_AND_AUDIT_LOG",
      google_artifact_registry_repository.images.docker_config[0].immutable_tags,
    ])
    error_message = "And a tag means one image for ever."
  }
}

run "without_a_repository_nothing_is_triggered" {
  command = plan
  assert {
    condition     = length(google_cloudbuild_trigger.this) == 0 && length(google_cloud_scheduler_job.drift) == 0
    error_message = "A person connects it first."
  }
}

run "an_apply_needs_an_approval" {
  command = plan
  variables {
    repository = "projects/test-project/locations/us-central1/connections/forge/repositories/meridian"
  }
  assert {
    condition     = { for name, trigger in google_cloudbuild_trigger.this : name => trigger.approval_config[0].approval_required } == { apply = true, check = false, plan = false, release = false }
    error_message = "A person looks at what is planned."
  }
  assert {
    condition     = length(distinct([for trigger in google_cloudbuild_trigger.this : trigger.service_account])) == 4
    error_message = "Each has rights of its own."
  }
  assert {
    condition     = google_cloudbuild_trigger.drift[0].substitutions["_DRIFT"] == "true" && google_cloudbuild_trigger.drift[0].service_account == google_cloudbuild_trigger.this["plan"].service_account
    error_message = "What was changed by hand is found by a plan."
  }
}
