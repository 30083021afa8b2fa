# What must be there before the first plan: APIs, the bucket of the state, the accounts of the pipeline, the key that signs
# releases, and quotas, which take days.

locals {
  apis = [
    "artifactregistry", "binaryauthorization", "certificatemanager", "cloudbuild", "cloudkms", "cloudquotas",
    "cloudresourcemanager", "cloudscheduler", "compute", "containeranalysis", "containerscanning", "dns", "firebaserules",
    "firestore", "iam", "iamcredentials", "logging", "managedkafka", "memorystore", "monitoring", "networkconnectivity",
    "pubsub", "redis", "run", "secretmanager", "serviceconsumermanagement", "servicenetworking", "sqladmin", "storage", "sts",
  ]

  # The pipeline's accounts, and what each may do in the project.
  roles = {
    # Tests a proposal: nothing but its own logs.
    checker = ["roles/logging.logWriter"]
    # Reads what is there, and what is granted.
    planner = [
      "roles/logging.logWriter", "roles/viewer", "roles/iam.securityReviewer", "roles/secretmanager.viewer",
    ]
    # Makes what a plan says that a person has approved.
    applier = [
      "roles/logging.logWriter", "roles/artifactregistry.admin", "roles/binaryauthorization.policyEditor",
      "roles/binaryauthorization.attestorsAdmin", "roles/certificatemanager.owner", "roles/cloudbuild.builds.editor",
      "roles/cloudbuild.workerPoolOwner", "roles/cloudkms.admin", "roles/cloudscheduler.admin", "roles/cloudsql.admin",
      "roles/compute.networkAdmin", "roles/compute.securityAdmin", "roles/compute.loadBalancerAdmin",
      "roles/containeranalysis.notes.editor", "roles/datastore.owner", "roles/dns.admin", "roles/firebaserules.admin",
      "roles/iam.serviceAccountAdmin", "roles/logging.configWriter", "roles/managedkafka.admin", "roles/monitoring.admin",
      "roles/networkconnectivity.consumerNetworkAdmin", "roles/pubsub.admin", "roles/redis.admin", "roles/run.admin",
      "roles/secretmanager.admin", "roles/servicenetworking.networksAdmin", "roles/serviceusage.serviceUsageConsumer",
    ]
    # Builds, scans, signs, migrates, moves traffic.
    releaser = [
      "roles/logging.logWriter", "roles/run.developer", "roles/monitoring.viewer", "roles/cloudbuild.workerPoolUser",
      "roles/containeranalysis.occurrences.editor", "roles/containeranalysis.occurrences.viewer",
      "roles/ondemandscanning.admin", "roles/binaryauthorization.attestorsViewer",
    ]
  }
  grants = merge([for role, names in local.roles : { for name in names : "${role}/${name}" => { account = role, role = name } }]...)

  # The roles that the applier may grant on the project: what terraform/ grants, and no other.
  granted = [
    "roles/cloudsql.client", "roles/cloudsql.instanceUser", "roles/datastore.user", "roles/datastore.viewer",
    "roles/managedkafka.client", "roles/redis.dbConnectionUser",
  ]
}

resource "google_project_service" "this" {
  for_each = toset(local.apis)

  service                    = "${each.key}.googleapis.com"
  disable_on_destroy         = false
  disable_dependent_services = false
}

resource "google_storage_bucket" "state" {
  name                        = "${var.project}-terraform"
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false

  versioning {
    enabled = true
  }
  soft_delete_policy {
    retention_duration_seconds = 2592000
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      num_newer_versions = 100
      with_state         = "ARCHIVED"
    }
  }
  lifecycle {
    prevent_destroy = true
  }
  depends_on = [google_project_service.this]
}

# Cloud Build runs each step of the pipeline as one of these. No account has a key.
resource "google_service_account" "build" {
  for_each = local.roles

  account_id   = "build-${each.key}"
  display_name = "The pipeline's ${each.key}"
  depends_on   = [google_project_service.this]
}

resource "google_project_iam_member" "build" {
  for_each = local.grants

  project = var.project
  role    = each.value.role
  member  = google_service_account.build[each.value.account].member
}

# Grants on the project are the one power with which the applier could give itself all others.
resource "google_project_iam_member" "applier_grants" {
  project = var.project
  role    = "roles/resourcemanager.projectIamAdmin"
  member  = google_service_account.build["applier"].member

  condition {
    title       = "What terraform grants"
    description = "Only these roles, whoever gets them"
    expression  = "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([${join(", ", [for role in local.granted : "'${role}'"])}])"
  }
}

# To make services that run as the services' accounts. The releaser may act as those only: see modules/identity.
resource "google_project_iam_member" "act_as" {
  project = var.project
  role    = "roles/iam.serviceAccountUser"
  member  = google_service_account.build["applier"].member
}

# The state: only the applier writes it. A plan takes the lock, and is kept for who applies it.
resource "google_storage_bucket_iam_member" "state" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.build["applier"].member
}

resource "google_storage_bucket_iam_member" "plans" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectUser"
  member = google_service_account.build["planner"].member

  condition {
    title      = "Plans and locks"
    expression = "resource.name.startsWith('projects/_/buckets/${google_storage_bucket.state.name}/objects/plans/') || resource.name.endsWith('.tflock')"
  }
}

resource "google_storage_bucket_iam_member" "reads" {
  bucket = google_storage_bucket.state.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build["planner"].member
}

# Where `gcloud builds submit` puts a checkout that a person has released by hand.
resource "google_storage_bucket" "sources" {
  name                        = "${var.project}-sources"
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 7
    }
  }
  depends_on = [google_project_service.this]
}

resource "google_storage_bucket_iam_member" "sources" {
  bucket = google_storage_bucket.sources.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build["releaser"].member
}

# A pipeline elsewhere, such as a forge's own, acts as the checker or the planner by its OIDC token, and so needs no key either.
resource "google_iam_workload_identity_pool" "builds" {
  count = var.oidc == null ? 0 : 1

  workload_identity_pool_id = "builds"
  display_name              = "Pipelines outside of Cloud Build"
  depends_on                = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "builds" {
  count = var.oidc == null ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.builds[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "forge"
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
    "attribute.ref"        = "assertion.ref"
  }
  attribute_condition = "assertion.repository == '${var.oidc.repository}'"
  oidc {
    issuer_uri = var.oidc.issuer
  }
}

resource "google_service_account_iam_member" "builds" {
  for_each = var.oidc == null ? {} : {
    checker = "attribute.repository/${var.oidc.repository}"
    planner = "attribute.ref/refs/heads/main"
  }

  service_account_id = google_service_account.build[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.builds[0].name}/${each.value}"
}

# The key that signs releases; Cloud Run starts nothing that it has not signed.
resource "google_kms_key_ring" "delivery" {
  name       = "delivery"
  location   = "global"
  depends_on = [google_project_service.this]
}

resource "google_kms_crypto_key" "releases" {
  name     = "releases"
  key_ring = google_kms_key_ring.delivery.id
  purpose  = "ASYMMETRIC_SIGN"
  version_template {
    algorithm        = "EC_SIGN_P256_SHA256"
    protection_level = "HSM"
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_binding" "releases" {
  crypto_key_id = google_kms_crypto_key.releases.id
  role          = "roles/cloudkms.signerVerifier"
  members       = [google_service_account.build["releaser"].member]
}

resource "google_cloud_quotas_quota_preference" "this" {
  for_each = var.quotas

  parent        = "projects/${var.project}"
  name          = each.key
  service       = each.value.service
  quota_id      = each.value.quota_id
  dimensions    = each.value.region == null ? {} : { region = each.value.region }
  contact_email = var.contact
  justification = each.value.why
  quota_config {
    preferred_value = tostring(each.value.value)
  }
  depends_on = [google_project_service.this]
}
