# What carries events. On Pub/Sub a topic for each event row and source in every cell and for each cell that receives it, with
# a subscription; on Kafka a topic for each source. Names are those of shared/bus/topics.py.

locals {
  pubsub = var.bus == "pubsub"

  # Order is kept among publishes in one region only, and a cell publishes in one at a time: topics are a cell's own. Each cell
  # that receives them has one, so that it is sent what is for it, and what it cannot receive waits for it alone.
  flows = merge([
    for name, each in local.pubsub ? var.subscriptions : {} : {
      for pair in setproduct(keys(var.cells), keys(var.cells)) :
      "${name}-${pair[0] == pair[1] ? pair[0] : "${pair[0]}-to-${pair[1]}"}" => merge(each, {
        source   = pair[0]
        receiver = pair[1]
        regions  = var.serving[pair[0]]
        flow     = pair[0] == pair[1] ? pair[0] : "${pair[0]}-to-${pair[1]}"
      }) if pair[0] == pair[1] ? each.cells != "others" : each.cells != "own"
    }
  ]...)
  dead = {
    for pair in setproduct(local.pubsub ? keys(var.topics) : [], keys(var.cells)) : "${pair[0]}-dead-${pair[1]}" => {
      topic = pair[0], regions = var.serving[pair[1]]
    }
  }
  # Who handles a source's events also publishes those that it cannot read to the source's dead topic.
  consumers = {
    for topic in keys(var.topics) : topic => distinct([for each in var.subscriptions : each.service if each.topic == topic])
  }
}

resource "google_pubsub_topic" "row" {
  for_each = local.flows

  name                       = each.key
  message_retention_duration = "604800s" # what a seek goes back to at most
  message_storage_policy {
    allowed_persistence_regions = each.value.regions
    enforce_in_transit          = each.value.source == each.value.receiver # other regions' consumers pull through their own endpoint
  }
  labels = { row = replace(each.value.row, "_", "-") }
}

resource "google_pubsub_topic_iam_binding" "publisher" {
  for_each = local.flows

  topic   = google_pubsub_topic.row[each.key].name
  role    = "roles/pubsub.publisher"
  members = ["serviceAccount:${var.accounts[each.value.publisher]}"]
}

# No dead-letter policy: it would count every attempt, also those during an outage. The code parks what keeps failing, and
# publishes what it cannot read to the dead topic.
resource "google_pubsub_subscription" "row" {
  for_each = local.flows

  name                         = "${each.value.row}-${each.value.topic}-${each.value.flow}"
  topic                        = google_pubsub_topic.row[each.key].id
  enable_message_ordering      = true
  enable_exactly_once_delivery = false # the inbox deduplicates
  ack_deadline_seconds         = max(each.value.seconds, 30)
  message_retention_duration   = "604800s"
  labels                       = { row = replace(each.value.row, "_", "-") }

  expiration_policy {
    ttl = ""
  }
  retry_policy {
    minimum_backoff = "0.1s"
    maximum_backoff = "10s"
  }
  dynamic "push_config" {
    for_each = var.pushed ? [var.urls[each.value.receiver][each.value.row]] : []
    content {
      push_endpoint = "${push_config.value}/"
      oidc_token {
        service_account_email = var.pusher
        audience              = push_config.value
      }
    }
  }
}

# Who pulls, or moves a subscription back to a time (`replay --seek`).
resource "google_pubsub_subscription_iam_binding" "consumer" {
  for_each = local.flows

  subscription = google_pubsub_subscription.row[each.key].name
  role         = "roles/pubsub.subscriber"
  members      = ["serviceAccount:${var.accounts[each.value.service]}"]
}

# Pub/Sub signs the tokens of its pushes as this account.
resource "google_service_account_iam_member" "push" {
  count = local.pubsub && var.pushed ? 1 : 0

  service_account_id = "projects/${var.project}/serviceAccounts/${var.pusher}"
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "dead" {
  for_each = local.dead

  name                       = each.key
  message_retention_duration = "2678400s"
  message_storage_policy {
    allowed_persistence_regions = each.value.regions
    enforce_in_transit          = true
  }
}

resource "google_pubsub_topic_iam_binding" "dead" {
  for_each = { for name, each in local.dead : name => each if length(local.consumers[each.topic]) > 0 }

  topic   = google_pubsub_topic.dead[each.key].name
  role    = "roles/pubsub.publisher"
  members = [for service in local.consumers[each.value.topic] : "serviceAccount:${var.accounts[service]}"]
}

# A person looks at these. Without a subscription a topic keeps nothing that anybody could read.
resource "google_pubsub_subscription" "dead" {
  for_each = local.dead

  name                       = each.key
  topic                      = google_pubsub_topic.dead[each.key].id
  ack_deadline_seconds       = 600
  retain_acked_messages      = true
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }
}
