# Managed Service for Apache Kafka, in place of Pub/Sub.

locals {
  clusters = toset(var.bus == "kafka" ? values(var.cells) : [])

  # Where a cell is, or may be after a promotion: what is not in its home's cluster has the region in its key.
  kafka_places = flatten([
    for cell, regions in var.bus == "kafka" ? var.serving : {} : [
      for region in regions : { cell = cell, region = region, suffix = region == var.cells[cell] ? "" : "@${region}" }
    ]
  ])
  # A source's topic and its dead topic, of each cell.
  kafka_topics = merge([
    for pair in setproduct(keys(var.topics), local.kafka_places) : {
      "${pair[0]}-${pair[1].cell}${pair[1].suffix}" = {
        topic   = "${pair[0]}-${pair[1].cell}", region = pair[1].region, partitions = var.topics[pair[0]].partitions, days = 7
        writers = [var.publishers[pair[0]]], readers = local.consumers[pair[0]]
      }
      "${pair[0]}-dead-${pair[1].cell}${pair[1].suffix}" = {
        topic   = "${pair[0]}-dead-${pair[1].cell}", region = pair[1].region, partitions = 1, days = 31
        writers = local.consumers[pair[0]], readers = []
      }
    }
  ]...)

  # A row's group in each cell, in the cluster of each cell whose events it receives.
  kafka_rows = { for each in var.subscriptions : each.row => each... }
  kafka_groups = merge([
    for pair in setproduct(local.kafka_places, keys(var.cells)) : {
      for row, each in local.kafka_rows :
      "${row}-${pair[0].cell == pair[1] ? pair[1] : "${pair[0].cell}-to-${pair[1]}"}${pair[0].suffix}" => {
        group = "${row}-${pair[0].cell == pair[1] ? pair[1] : "${pair[0].cell}-to-${pair[1]}"}", region = pair[0].region, service = each[0].service
      } if pair[0].cell == pair[1] ? each[0].cells != "others" : each[0].cells != "own"
    }
  ]...)
}

resource "google_managed_kafka_cluster" "this" {
  for_each = local.clusters

  cluster_id = "events"
  location   = each.key

  capacity_config {
    vcpu_count   = tostring(var.kafka.vcpus)
    memory_bytes = tostring(var.kafka.memory_gb * 1024 * 1024 * 1024)
  }
  gcp_config {
    access_config {
      network_configs {
        subnet = var.endpoints[each.key]
      }
    }
  }
  rebalance_config {
    mode = "AUTO_REBALANCE_ON_SCALE_UP"
  }
}

resource "google_managed_kafka_topic" "this" {
  for_each = local.kafka_topics

  cluster            = google_managed_kafka_cluster.this[each.value.region].cluster_id
  location           = each.value.region
  topic_id           = each.value.topic
  partition_count    = each.value.partitions
  replication_factor = 3
  configs = {
    "min.insync.replicas" = "2"
    "retention.ms"        = tostring(each.value.days * 24 * 60 * 60 * 1000)
  }
}

resource "google_managed_kafka_acl" "topic" {
  for_each = local.kafka_topics

  cluster  = google_managed_kafka_cluster.this[each.value.region].cluster_id
  location = each.value.region
  acl_id   = "topic/${google_managed_kafka_topic.this[each.key].topic_id}"

  dynamic "acl_entries" {
    for_each = concat(
      [for service in each.value.writers : { service = service, operation = "WRITE" }],
      [for service in each.value.readers : { service = service, operation = "READ" }],
      [for service in distinct(concat(each.value.writers, each.value.readers)) : { service = service, operation = "DESCRIBE" }],
    )
    content {
      principal       = "User:${var.accounts[acl_entries.value.service]}"
      permission_type = "ALLOW"
      operation       = acl_entries.value.operation
      host            = "*"
    }
  }
}

resource "google_managed_kafka_acl" "group" {
  for_each = local.kafka_groups

  cluster  = google_managed_kafka_cluster.this[each.value.region].cluster_id
  location = each.value.region
  acl_id   = "consumerGroup/${each.value.group}"

  acl_entries {
    principal       = "User:${var.accounts[each.value.service]}"
    permission_type = "ALLOW"
    operation       = "READ"
    host            = "*"
  }
}

resource "google_project_iam_member" "kafka" {
  for_each = var.bus == "kafka" ? toset(distinct(concat(values(var.publishers), flatten(values(local.consumers))))) : []

  project = var.project
  role    = "roles/managedkafka.client"
  member  = "serviceAccount:${var.accounts[each.key]}"
}
