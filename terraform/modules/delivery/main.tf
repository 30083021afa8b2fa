# From a commit to an image that may run: a repository of images, Cloud Build's triggers, and the rule that Cloud Run starts only
# what the release has signed. The accounts are bootstrap/'s.

locals {
  # Who does what: check a proposal, plan, apply, release. Each has its own rights.
  account = { for role in ["checker", "planner", "applier", "releaser"] : role => "projects/${var.project}/serviceAccounts/build-${role}@${var.project}.iam.gserviceaccount.com" }

  # What the files in cloudbuild/ are told.
  substitutions = {
    _ENVIRONMENT = var.environment
    _REGION      = var.region
    _POOL        = google_cloudbuild_worker_pool.this.id
    _REPOSITORY  = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
    _ATTESTOR    = google_binary_authorization_attestor.release.id
    _SIGNING_KEY = var.release_key.version
    _ROLLOUT     = join(" ", var.rollout)
  }

  triggers = var.repository == null ? {} : {
    check   = { account = "checker", file = "check.yaml", pull = true, tag = null, approval = false }
    plan    = { account = "planner", file = "plan.yaml", pull = false, tag = null, approval = false }
    apply   = { account = "applier", file = "apply.yaml", pull = false, tag = null, approval = true }
    release = { account = "releaser", file = "release.yaml", pull = false, tag = "^v[0-9]+\\.[0-9]+\\.[0-9]+$", approval = false }
  }
}

resource "google_artifact_registry_repository" "images" {
  repository_id = "meridian"
  location      = var.region
  format        = "DOCKER"
  description   = "The one image of Meridian, and what its build starts from"

  docker_config {
    immutable_tags = true
  }
  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }
  cleanup_policies {
    id     = "keep-releases"
    action = "KEEP"
    most_recent_versions {
      keep_count = 50
    }
  }
  cleanup_policies {
    id     = "delete-others"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "7776000s"
    }
  }
}

resource "google_artifact_registry_repository_iam_member" "writer" {
  repository = google_artifact_registry_repository.images.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = "serviceAccount:build-releaser@${var.project}.iam.gserviceaccount.com"
}

# Builds that reach what is inside the network: the smoke test of a revision by its tag, which its ingress keeps others from.
resource "google_compute_network_attachment" "builds" {
  name                  = "builds"
  region                = var.region
  connection_preference = "ACCEPT_AUTOMATIC"
  subnetworks           = [var.subnet]
}

resource "google_cloudbuild_worker_pool" "this" {
  name     = "meridian"
  location = var.region
  worker_config {
    machine_type   = "e2-standard-4"
    disk_size_gb   = 100
    no_external_ip = true
  }
  private_service_connect {
    network_attachment = google_compute_network_attachment.builds.id
    route_all_traffic  = true
  }
}

resource "google_cloudbuild_trigger" "this" {
  for_each = local.triggers

  name               = each.key
  location           = var.region
  filename           = "cloudbuild/${each.value.file}"
  service_account    = local.account[each.value.account]
  include_build_logs = "INCLUDE_BUILD_LOGS_WITH_STATUS"
  substitutions      = local.substitutions

  repository_event_config {
    repository = var.repository
    dynamic "pull_request" {
      for_each = each.value.pull ? [true] : []
      content {
        branch          = "^main$"
        comment_control = "COMMENTS_ENABLED_FOR_EXTERNAL_CONTRIBUTORS_ONLY"
      }
    }
    dynamic "push" {
      for_each = each.value.pull ? [] : [true]
      content {
        branch = each.value.tag == null ? "^main$" : null
        tag    = each.value.tag
      }
    }
  }
  approval_config {
    approval_required = each.value.approval
  }
}

# Every morning the plan runs against what is there: what it finds, somebody has changed by hand.
resource "google_pubsub_topic" "drift" {
  count = var.repository == null ? 0 : 1

  name = "drift"
  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }
}

resource "google_cloud_scheduler_job" "drift" {
  count = var.repository == null ? 0 : 1

  name      = "drift"
  region    = var.region
  schedule  = "0 5 * * *"
  time_zone = "Etc/UTC"
  pubsub_target {
    topic_name = google_pubsub_topic.drift[0].id
    data       = base64encode("{}")
  }
}

resource "google_cloudbuild_trigger" "drift" {
  count = var.repository == null ? 0 : 1

  name            = "drift"
  location        = var.region
  service_account = local.account["planner"]
  substitutions   = merge(local.substitutions, { _DRIFT = "true" })

  pubsub_config {
    topic = google_pubsub_topic.drift[0].id
  }
  source_to_build {
    repository = var.repository
    ref        = "refs/heads/main"
    repo_type  = "UNKNOWN"
  }
  git_file_source {
    path       = "cloudbuild/plan.yaml"
    repository = var.repository
    revision   = "refs/heads/main"
    repo_type  = "UNKNOWN"
  }
}

# Cloud Run starts an image only if the release has signed it, with the key of bootstrap/.
resource "google_container_analysis_note" "release" {
  name = "released"
  attestation_authority {
    hint {
      human_readable_name = "Built, scanned and released by cloudbuild/release.yaml"
    }
  }
}

resource "google_container_analysis_note_iam_member" "release" {
  note   = google_container_analysis_note.release.name
  role   = "roles/containeranalysis.notes.attacher"
  member = "serviceAccount:build-releaser@${var.project}.iam.gserviceaccount.com"
}

resource "google_binary_authorization_attestor" "release" {
  name = "released"
  attestation_authority_note {
    note_reference = google_container_analysis_note.release.name
    public_keys {
      id = "//cloudkms.googleapis.com/v1/${var.release_key.version}"
      pkix_public_key {
        public_key_pem      = var.release_key.public_pem
        signature_algorithm = "ECDSA_P256_SHA256"
      }
    }
  }
}

resource "google_binary_authorization_attestor_iam_member" "release" {
  attestor = google_binary_authorization_attestor.release.name
  role     = "roles/binaryauthorization.attestorsVerifier"
  member   = "serviceAccount:build-releaser@${var.project}.iam.gserviceaccount.com"
}

resource "google_binary_authorization_policy" "this" {
  global_policy_evaluation_mode = "DISABLE"
  default_admission_rule {
    evaluation_mode         = "REQUIRE_ATTESTATION"
    enforcement_mode        = "ENFORCED_BLOCK_AND_AUDIT_LOG"
    require_attestations_by = [google_binary_authorization_attestor.release.name]
  }
}
