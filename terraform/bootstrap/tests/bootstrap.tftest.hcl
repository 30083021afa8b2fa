mock_provider "google" {}

variables {
  project = "test-project"
  contact = "owner@example.com"
}

run "the_state_is_kept" {
  command = plan
  assert {
    condition     = google_storage_bucket.state.versioning[0].enabled && google_storage_bucket.state.public_access_prevention == "enforced"
    error_message = "Every version, for nobody else."
  }
}

run "the_applier_cannot_make_itself_an_owner" {
  command = plan
  assert {
    condition     = strcontains(google_project_iam_member.applier_grants.condition[0].expression, "modifiedGrantsByRole") && !strcontains(google_project_iam_member.applier_grants.condition[0].expression, "owner")
    error_message = "It grants what terraform/ grants."
  }
}

run "quotas_are_asked_for" {
  command = plan
  assert {
    condition     = length(google_cloud_quotas_quota_preference.this) == 6
    error_message = "Backend services, endpoint groups, rules, and CPU in three regions."
  }
}

run "a_pipeline_elsewhere_has_no_key" {
  command = plan
  variables {
    oidc = { issuer = "https://forge.example.com", repository = "meridian/meridian" }
  }
  assert {
    condition     = google_iam_workload_identity_pool_provider.builds[0].attribute_condition == "assertion.repository == 'meridian/meridian'"
    error_message = "Only this repository's tokens."
  }
  assert {
    condition     = keys(google_service_account_iam_member.builds) == ["checker", "planner"]
    error_message = "It neither applies nor releases."
  }
}
