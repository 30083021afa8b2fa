# One VPC, a subnet for instances and one for Private Service Connect in every region, and ways out: to Google's APIs without
# the internet, and to the internet by NAT.

locals {
  # A /16 of the range each; the last one is Private Services Access.
  ranges  = { for index, region in var.regions : region => cidrsubnet(var.range, 4, index) }
  private = "199.36.153.8/30" # private.googleapis.com
}

resource "google_compute_network" "this" {
  name                            = var.name
  auto_create_subnetworks         = false
  routing_mode                    = "GLOBAL"
  delete_default_routes_on_create = false
}

resource "google_compute_subnetwork" "instances" {
  for_each = local.ranges

  name                     = "${var.name}-instances"
  region                   = each.key
  network                  = google_compute_network.this.id
  ip_cidr_range            = cidrsubnet(each.value, 3, 0)
  private_ip_google_access = true
  stack_type               = "IPV4_ONLY"

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }

  lifecycle {
    precondition {
      condition     = pow(2, 32 - tonumber(split("/", cidrsubnet(each.value, 3, 0))[1])) - 4 >= 2 * var.instances
      error_message = "The subnet of ${each.key} has to hold twice the ${var.instances} instances that may run: while a revision replaces another, Cloud Run holds addresses of both."
    }
  }
}

# Where Redis and Kafka clusters get their addresses.
resource "google_compute_subnetwork" "endpoints" {
  for_each = local.ranges

  name                     = "${var.name}-endpoints"
  region                   = each.key
  network                  = google_compute_network.this.id
  ip_cidr_range            = cidrsubnet(each.value, 8, 32)
  private_ip_google_access = true
  stack_type               = "IPV4_ONLY"

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_network_connectivity_service_connection_policy" "redis" {
  for_each = local.ranges

  name          = "${var.name}-redis"
  location      = each.key
  service_class = "gcp-memorystore-redis"
  network       = google_compute_network.this.id
  psc_config {
    subnetworks = [google_compute_subnetwork.endpoints[each.key].id]
  }
}

# Private Services Access, for Cloud SQL.
resource "google_compute_global_address" "services" {
  name          = "${var.name}-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  address       = cidrhost(cidrsubnet(var.range, 4, 15), 0)
  prefix_length = tonumber(split("/", cidrsubnet(var.range, 4, 15))[1])
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

# Google's APIs and Cloud Run's own URLs resolve to addresses inside the network, so that services with internal ingress see
# a caller from inside.
resource "google_dns_managed_zone" "google" {
  for_each = toset(["googleapis.com", "run.app", "pkg.dev"])

  name       = "${var.name}-${replace(each.key, ".", "-")}"
  dns_name   = "${each.key}."
  visibility = "private"
  private_visibility_config {
    networks {
      network_url = google_compute_network.this.id
    }
  }
}

resource "google_dns_record_set" "google" {
  for_each = google_dns_managed_zone.google

  managed_zone = each.value.name
  name         = "private.${each.value.dns_name}"
  type         = "A"
  ttl          = 300
  rrdatas      = [for number in range(4) : cidrhost(local.private, number)]
}

resource "google_dns_record_set" "google_names" {
  for_each = google_dns_managed_zone.google

  managed_zone = each.value.name
  name         = "*.${each.value.dns_name}"
  type         = "CNAME"
  ttl          = 300
  rrdatas      = ["private.${each.value.dns_name}"]
}

# To the internet: nodes of chains, and users' webhooks.
resource "google_compute_router" "this" {
  for_each = local.ranges

  name    = var.name
  region  = each.key
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  for_each = google_compute_router.this

  name                                = var.name
  region                              = each.key
  router                              = each.value.name
  nat_ip_allocate_option              = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat  = "LIST_OF_SUBNETWORKS"
  enable_dynamic_port_allocation      = true
  enable_endpoint_independent_mapping = false
  min_ports_per_vm                    = 64
  max_ports_per_vm                    = 4096

  # The second is the builds', which fetch packages.
  dynamic "subnetwork" {
    for_each = [google_compute_subnetwork.instances[each.key].id, google_compute_subnetwork.endpoints[each.key].id]
    content {
      name                    = subnetwork.value
      source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
    }
  }
  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}

# Nothing comes in, and what goes out is listed. Google's front end reaches Cloud Run outside of the VPC.
resource "google_compute_firewall" "ingress" {
  name      = "${var.name}-deny-ingress"
  network   = google_compute_network.this.id
  direction = "INGRESS"
  priority  = 65000

  source_ranges = ["0.0.0.0/0"]
  deny {
    protocol = "all"
  }
  log_config {
    metadata = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "egress" {
  name      = "${var.name}-deny-egress"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 65000

  destination_ranges = ["0.0.0.0/0"]
  deny {
    protocol = "all"
  }
  log_config {
    metadata = "EXCLUDE_ALL_METADATA"
  }
}

resource "google_compute_firewall" "stores" {
  name      = "${var.name}-to-stores"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 1000

  destination_ranges = [var.range]
  allow {
    protocol = "tcp"
    # Cloud SQL's connector; Redis Cluster's discovery and its nodes; Kafka.
    ports = ["3307", "6379", "11000-13047", "9092"]
  }
}

resource "google_compute_firewall" "google" {
  name      = "${var.name}-to-google"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 1000

  destination_ranges = [local.private]
  allow {
    protocol = "tcp"
    ports    = ["443"]
  }
}

# Private addresses are not the internet, whatever a user's webhook says.
resource "google_compute_firewall" "private" {
  name      = "${var.name}-deny-private"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 2000

  destination_ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"]
  deny {
    protocol = "all"
  }
}

# What is tagged `internet` calls nodes of chains, or users' webhooks, whose ports users choose.
resource "google_compute_firewall" "internet" {
  name      = "${var.name}-to-internet"
  network   = google_compute_network.this.id
  direction = "EGRESS"
  priority  = 3000

  destination_ranges = ["0.0.0.0/0"]
  target_tags        = ["internet"]
  allow {
    protocol = "tcp"
    ports    = ["443", "1024-65535"]
  }
}
