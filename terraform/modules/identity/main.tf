# Who is who: an account for each service and for each of Google's callers, keys in KMS, secrets.

locals {
  # Google's own callers, the job that migrates; an id has at least six characters.
  accounts = merge(
    { for service in var.services : service => { id = "${service}-service", name = "The service ${service}" } },
    {
      migrations = { id = "migrations", name = "Migrates the databases" }
      keeper     = { id = "cell-keeper", name = "Keeps the leases of cells" }
      promoter   = { id = "cell-promoter", name = "Promotes cells' standbys" }
      pusher     = { id = "event-pusher", name = "Pub/Sub's pushes to event rows" }
      scheduler  = { id = "scheduler", name = "Cloud Scheduler's calls of schedule rows" }
    },
  )

  # Keys that never leave KMS. Those that send transactions have one order of nonces, which one database assigns: no two cells
  # share one, nor two regions that serve a cell one after the other. So that of the standby's region is there before a promotion.
  sending = ["treasury", "relayer"]
  signing = merge(
    { voucher = { signer = "voucher" } },
    merge(flatten([
      for cell, regions in var.serving : [
        for region in regions : { for signer in local.sending : "${signer}-${cell}-${region}" => { signer = signer } }
      ]
    ])...),
  )
}

resource "google_service_account" "this" {
  for_each = local.accounts

  account_id                   = each.value.id
  display_name                 = each.value.name
  create_ignore_already_exists = false
}

resource "google_kms_key_ring" "this" {
  name     = "meridian"
  location = "global"
}

# secp256k1 is there on HSMs only.
resource "google_kms_crypto_key" "signing" {
  for_each = local.signing

  name                       = each.key
  key_ring                   = google_kms_key_ring.this.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"
  version_template {
    algorithm        = "EC_SIGN_SECP256K1_SHA256"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true # with it the money behind its address is gone
  }
}

# Access tokens. `rotate-keys --kms-version` puts a version into use: see docs/operations.md.
resource "google_kms_crypto_key" "tokens" {
  name                       = "access-tokens"
  key_ring                   = google_kms_key_ring.this.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s"
  version_template {
    algorithm        = "RSA_SIGN_PKCS1_2048_SHA256"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_binding" "signing" {
  for_each = local.signing

  crypto_key_id = google_kms_crypto_key.signing[each.key].id
  role          = "roles/cloudkms.signerVerifier"
  members       = [for service in var.signers[each.value.signer] : google_service_account.this[service].member]
}

resource "google_kms_crypto_key_iam_binding" "tokens" {
  crypto_key_id = google_kms_crypto_key.tokens.id
  role          = "roles/cloudkms.signerVerifier"
  members       = [for service in var.signers["tokens"] : google_service_account.this[service].member]
}

# Values are put in by people: see terraform/README.md. Terraform's state never has them.
resource "google_secret_manager_secret" "this" {
  for_each = var.secrets

  secret_id           = replace(each.key, ".", "-")
  version_destroy_ttl = "604800s" # a version that was destroyed by mistake can be brought back for so long
  deletion_protection = var.deletion_protection
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_iam_binding" "this" {
  for_each = var.secrets

  secret_id = google_secret_manager_secret.this[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  members   = [for service in each.value : google_service_account.this[service].member]
}

# To log in to the cells' databases, and to Cloud SQL's API, which gives the connector its certificates.
resource "google_project_iam_member" "database" {
  for_each = {
    for pair in setproduct(concat(var.database_users, ["migrations"]), ["roles/cloudsql.client", "roles/cloudsql.instanceUser"]) :
    "${pair[0]}/${pair[1]}" => { account = pair[0], role = pair[1] }
  }

  project = var.project
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

# Every process writes its metrics, and spans of what is traced.
resource "google_project_iam_member" "telemetry" {
  for_each = {
    for pair in setproduct(concat(var.services, ["migrations", "keeper", "promoter"]), ["roles/monitoring.metricWriter", "roles/cloudtrace.agent"]) :
    "${pair[0]}/${pair[1]}" => { account = pair[0], role = pair[1] }
  }

  project = var.project
  role    = each.value.role
  member  = google_service_account.this[each.value.account].member
}

# Whoever deploys a process runs it as its account: the release may do so with these, and with no other.
resource "google_service_account_iam_member" "releaser" {
  for_each = toset(concat(var.services, ["migrations", "keeper", "promoter"]))

  service_account_id = google_service_account.this[each.key].name
  role               = "roles/iam.serviceAccountUser"
  member             = "serviceAccount:build-releaser@${var.project}.iam.gserviceaccount.com"
}
