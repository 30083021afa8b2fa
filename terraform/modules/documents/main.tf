# Firestore: users, sessions, nonces, feeds, identity's events; strongly consistent across regions.

resource "google_firestore_database" "this" {
  name                              = "(default)"
  location_id                       = var.location
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "OPTIMISTIC"
  app_engine_integration_mode       = "DISABLED"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"
}

resource "google_firestore_backup_schedule" "daily" {
  database  = google_firestore_database.this.name
  retention = "2592000s"
  daily_recurrence {}
}

# Documents delete themselves when their time has come. An index on that time would be written by every document at about the
# same place, and nothing asks for it.
resource "google_firestore_field" "expiry" {
  for_each = toset(["nonce_uses", "sessions"])

  database   = google_firestore_database.this.name
  collection = each.key
  field      = "delete_after"
  ttl_config {}
  index_config {}
}

# Only servers read and write, with the rights of their accounts, which rules do not apply to: for everybody else there is
# nothing.
resource "google_firebaserules_ruleset" "closed" {
  source {
    language = "FIREBASE_RULES"
    files {
      name    = "firestore.rules"
      content = file("${path.module}/firestore.rules")
    }
  }
  lifecycle {
    create_before_destroy = true
  }
  depends_on = [google_firestore_database.this]
}

resource "google_firebaserules_release" "closed" {
  name         = "cloud.firestore"
  ruleset_name = google_firebaserules_ruleset.closed.name
}

resource "google_project_iam_member" "access" {
  for_each = merge(
    { for service, account in var.writers : service => { role = "roles/datastore.user", account = account } },
    { for service, account in var.readers : service => { role = "roles/datastore.viewer", account = account } },
  )

  project = var.project
  role    = each.value.role
  member  = "serviceAccount:${each.value.account}"
}
