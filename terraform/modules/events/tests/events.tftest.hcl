mock_provider "google" {}

variables {
  project        = "test-project"
  project_number = "123456789"
  cells          = { us = "us-central1" }
  serving        = { us = ["us-central1"] }
  bus            = "pubsub"
  pushed         = true
  topics         = { order-events = { partitions = 16 } }
  publishers     = { order-events = "order" }
  subscriptions = {
    "order-events.capture_hold" = { row = "capture_hold", topic = "order-events", service = "wallet", publisher = "order", seconds = 60, cells = "own" }
  }
  urls = { us = { capture_hold = "https://capture-hold-123456789.us-central1.run.app" } }
  accounts = {
    order  = "order-service@test-project.iam.gserviceaccount.com"
    wallet = "wallet-service@test-project.iam.gserviceaccount.com"
  }
  pusher    = "event-pusher@test-project.iam.gserviceaccount.com"
  endpoints = { us-central1 = "subnet" }
  kafka     = { vcpus = 3, memory_gb = 12 }
}

run "a_row_has_a_topic_and_a_subscription" {
  command = plan
  assert {
    condition     = keys(google_pubsub_topic.row) == ["order-events.capture_hold-us"]
    error_message = "As shared/bus/topics.py names it."
  }
  assert {
    condition = alltrue([
      google_pubsub_subscription.row["order-events.capture_hold-us"].name == "capture_hold-order-events-us",
      google_pubsub_subscription.row["order-events.capture_hold-us"].enable_message_ordering,
      google_pubsub_subscription.row["order-events.capture_hold-us"].ack_deadline_seconds == 60,
      google_pubsub_subscription.row["order-events.capture_hold-us"].push_config[0].oidc_token[0].audience == var.urls.us.capture_hold,
    ])
    error_message = "Ordered, pushed to the row's service with a token for it, and within the row's timeout."
  }
  assert {
    condition     = google_pubsub_topic_iam_binding.publisher["order-events.capture_hold-us"].members == toset(["serviceAccount:${var.accounts.order}"])
    error_message = "Only who emits publishes."
  }
}

run "other_cells_subscribe_for_themselves" {
  command = plan
  variables {
    cells   = { us = "us-central1", eu = "europe-west1" }
    serving = { us = ["us-central1", "europe-west1"], eu = ["europe-west1"] }
    subscriptions = {
      "order-events.capture_hold" = { row = "capture_hold", topic = "order-events", service = "wallet", publisher = "order", seconds = 60, cells = "others" }
    }
    urls = {
      us = { capture_hold = "https://capture-hold-123456789.us-central1.run.app" }
      eu = { capture_hold = "https://capture-hold-123456789.europe-west1.run.app" }
    }
    endpoints = { us-central1 = "subnet", europe-west1 = "subnet" }
  }
  assert {
    condition     = keys(google_pubsub_topic.row) == ["order-events.capture_hold-eu-to-us", "order-events.capture_hold-us-to-eu"]
    error_message = "Each cell publishes to a topic of its own for each that receives it."
  }
  assert {
    condition = { for each in google_pubsub_subscription.row : each.name => each.push_config[0].push_endpoint } == {
      "capture_hold-order-events-eu-to-us" = "${var.urls.us.capture_hold}/"
      "capture_hold-order-events-us-to-eu" = "${var.urls.eu.capture_hold}/"
    }
    error_message = "And receives the other's, where its functions are."
  }
  assert {
    condition     = alltrue([for each in google_pubsub_topic.row : !each.message_storage_policy[0].enforce_in_transit])
    error_message = "Consumers in other regions are let in."
  }
  assert {
    condition = { for each in google_pubsub_topic.row : each.name => each.message_storage_policy[0].allowed_persistence_regions } == {
      "order-events.capture_hold-eu-to-us" = toset(["europe-west1"]), "order-events.capture_hold-us-to-eu" = toset(["us-central1", "europe-west1"])
    }
    error_message = "A topic is where its cell is served, or may be."
  }
}

run "what_cannot_be_read_is_kept" {
  command = plan
  assert {
    condition     = google_pubsub_subscription.dead["order-events-dead-us"].expiration_policy[0].ttl == ""
    error_message = "The subscription never expires."
  }
  assert {
    condition     = google_pubsub_topic_iam_binding.dead["order-events-dead-us"].members == toset(["serviceAccount:${var.accounts.wallet}"])
    error_message = "Who handles a source's events publishes there."
  }
}

run "pulled_events_are_pushed_nowhere" {
  command = plan
  variables {
    pushed = false
  }
  assert {
    condition     = length(google_pubsub_subscription.row["order-events.capture_hold-us"].push_config) == 0 && length(google_service_account_iam_member.push) == 0
    error_message = "No endpoint, and no token."
  }
}

run "kafka_takes_its_place" {
  command = plan
  variables {
    bus    = "kafka"
    pushed = false
  }
  assert {
    condition     = length(google_pubsub_topic.row) == 0 && keys(google_managed_kafka_topic.this) == ["order-events-dead-us", "order-events-us"]
    error_message = "A topic for each source, and its dead topic."
  }
  assert {
    condition     = google_managed_kafka_topic.this["order-events-us"].partition_count == 16
    error_message = "As many partitions as the registry says."
  }
  assert {
    condition     = google_managed_kafka_acl.group["capture_hold-us"].acl_id == "consumerGroup/capture_hold-us"
    error_message = "A row's group is its service's."
  }
}
