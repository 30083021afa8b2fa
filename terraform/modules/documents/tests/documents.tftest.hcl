mock_provider "google" {}

variables {
  project             = "test-project"
  location            = "nam5"
  writers             = { identity = "identity-service@test-project.iam.gserviceaccount.com" }
  readers             = { order = "order-service@test-project.iam.gserviceaccount.com" }
  deletion_protection = true
}

run "it_can_be_recovered_and_not_deleted" {
  command = plan
  assert {
    condition     = google_firestore_database.this.point_in_time_recovery_enablement == "POINT_IN_TIME_RECOVERY_ENABLED" && google_firestore_database.this.delete_protection_state == "DELETE_PROTECTION_ENABLED"
    error_message = "To any minute of a week."
  }
}

run "nobody_but_services_reads" {
  command = plan
  assert {
    condition     = strcontains(google_firebaserules_ruleset.closed.source[0].files[0].content, "allow read, write: if false;")
    error_message = "Rules refuse all clients."
  }
  assert {
    condition     = { for service, grant in google_project_iam_member.access : service => grant.role } == { identity = "roles/datastore.user", order = "roles/datastore.viewer" }
    error_message = "Who only reads may only read."
  }
}
