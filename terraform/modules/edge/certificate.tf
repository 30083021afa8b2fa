# A certificate that renews itself, proven by DNS: so it is there before the first request is.

resource "google_certificate_manager_dns_authorization" "this" {
  name   = "meridian"
  domain = var.domain
}

resource "google_certificate_manager_certificate" "this" {
  name = "meridian"
  managed {
    domains            = [var.domain]
    dns_authorizations = [google_certificate_manager_dns_authorization.this.id]
  }
}

resource "google_certificate_manager_certificate_map" "this" {
  name = "meridian"
}

resource "google_certificate_manager_certificate_map_entry" "this" {
  name         = "meridian"
  map          = google_certificate_manager_certificate_map.this.name
  hostname     = var.domain
  certificates = [google_certificate_manager_certificate.this.id]
}

locals {
  records = merge(
    {
      A    = { name = "${var.domain}.", type = "A", data = google_compute_global_address.this["IPV4"].address }
      AAAA = { name = "${var.domain}.", type = "AAAA", data = google_compute_global_address.this["IPV6"].address }
      proof = {
        name = join("", google_certificate_manager_dns_authorization.this.dns_resource_record[*].name)
        type = "CNAME"
        data = join("", google_certificate_manager_dns_authorization.this.dns_resource_record[*].data)
      }
    },
  )
}

resource "google_dns_record_set" "this" {
  for_each = { for key, record in local.records : key => record if var.dns_zone != null }

  managed_zone = var.dns_zone
  name         = each.value.name
  type         = each.value.type
  ttl          = 300
  rrdatas      = [each.value.data]
}
