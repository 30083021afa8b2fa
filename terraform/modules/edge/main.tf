# The way in: one address, one certificate, a URL map made of the registry's routes, and a backend service for each.
#
# Removing a row removes what a URL map or a backend service still names: those first lose the name, and then the rest goes.

locals {
  endpoints = {
    for pair in setproduct(keys(var.routes), var.regions) : "${pair[0]}/${pair[1]}" => { row = pair[0], region = pair[1] }
  }

  # As the local edge sorts (emulators/stack): literals before templates, so that /v1/orders/quote is no order's id.
  methods = { for row, route in var.routes : row => route.method == "GET" ? ["GET", "HEAD"] : [route.method] }
  ordered = [
    for key in sort([
      for row, route in var.routes : format("%02d %s %s %s", route.parameters, route.path, route.method, row) if row != "unmatched"
    ]) : split(" ", key)[3]
  ]

  # Nor is it one for another method: a literal path that a template would match as well ends with the literals' rules.
  templates = distinct([for route in values(var.routes) : "^${replace(route.path, "/{\\w+}/", "[^/]+")}$" if route.parameters > 0])
  shadowed = sort(distinct([
    for row, route in var.routes : route.path
    if route.parameters == 0 && anytrue([for template in local.templates : can(regex(template, route.path))])
  ]))
  rules = concat(
    [for row in local.ordered : { row = row, path = var.routes[row].path, methods = local.methods[row] } if var.routes[row].parameters == 0],
    [for path in local.shadowed : { row = "unmatched", path = path, methods = [""] }],
    [for row in local.ordered : { row = row, path = var.routes[row].path, methods = local.methods[row] } if var.routes[row].parameters > 0],
  )
}

resource "google_compute_region_network_endpoint_group" "row" {
  for_each = local.endpoints

  name                  = replace(each.value.row, "_", "-")
  region                = each.value.region
  network_endpoint_type = "SERVERLESS"
  cloud_run {
    service = var.services[each.value.region][each.value.row]
  }
  lifecycle {
    create_before_destroy = true
  }
}

# No health check, no timeout and no ejection: serverless endpoints take none of them. Which region serves, their services'
# readiness decides; how long a request may take, each service's own timeout.
resource "google_compute_backend_service" "row" {
  for_each = var.routes

  name                  = replace(each.key, "_", "-")
  description           = each.key == "unmatched" ? "What no row answers" : "${each.value.method} ${each.value.path}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.profile[each.value.limit].id
  enable_cdn            = each.value.cacheable
  compression_mode      = each.value.cacheable ? "AUTOMATIC" : "DISABLED"

  dynamic "backend" {
    for_each = toset(var.regions)
    content {
      group = google_compute_region_network_endpoint_group.row["${each.key}/${backend.value}"].id
    }
  }

  # What is answered to anybody and, otherwise, to who signs in: browsers keep the two apart by this header. Functions do not
  # send it, since Cloud CDN caches nothing with it; the balancer adds it behind the cache.
  custom_response_headers = each.value.anonymous ? ["Vary: Authorization"] : []

  # Only what the registry calls public is cached, for as long as its own Cache-Control says; who signs in is answered past the
  # cache.
  dynamic "cdn_policy" {
    for_each = each.value.cacheable ? [true] : []
    content {
      cache_mode         = "USE_ORIGIN_HEADERS"
      negative_caching   = false
      request_coalescing = true
      dynamic "bypass_cache_on_request_headers" {
        for_each = each.value.anonymous ? ["Authorization"] : []
        content {
          header_name = bypass_cache_on_request_headers.value
        }
      }
      cache_key_policy {
        include_host         = true
        include_protocol     = true
        include_query_string = true
      }
    }
  }
  log_config {
    enable      = true
    sample_rate = var.log_share
  }
  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_url_map" "https" {
  name            = "meridian"
  default_service = google_compute_backend_service.row["unmatched"].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "registry"
  }
  path_matcher {
    name            = "registry"
    default_service = google_compute_backend_service.row["unmatched"].id

    # What only services say to one another (shared/runtime/forwarding/hops.py); functions check it besides.
    header_action {
      request_headers_to_remove = ["X-Meridian-Cell", "X-Meridian-Epoch", "X-Meridian-Seconds", "X-Meridian-Authorization"]
    }

    dynamic "route_rules" {
      for_each = local.rules
      iterator = rule
      content {
        priority = rule.key + 1
        service  = google_compute_backend_service.row[rule.value.row].id

        # A path template knows `*` for one segment, and no names. HEAD is a GET without a body, and needs a match of its own:
        # there are no regular expressions here.
        dynamic "match_rules" {
          for_each = rule.value.methods
          iterator = method
          content {
            full_path_match     = strcontains(rule.value.path, "{") ? null : rule.value.path
            path_template_match = strcontains(rule.value.path, "{") ? replace(rule.value.path, "/{\\w+}/", "*") : null
            dynamic "header_matches" {
              for_each = method.value == "" ? [] : [method.value]
              content {
                header_name = ":method"
                exact_match = header_matches.value
              }
            }
          }
        }
        # Reads only: a write whose connection was reset may have taken effect, and its caller has an idempotency key.
        dynamic "route_action" {
          for_each = contains(rule.value.methods, "GET") ? [true] : []
          content {
            retry_policy {
              num_retries      = 1
              retry_conditions = ["connect-failure", "refused-stream"]
            }
          }
        }
      }
    }
  }

  lifecycle {
    precondition {
      condition     = sum([for row, route in var.routes : route.parameters > 0 ? length(local.methods[row]) : 0]) <= 100
      error_message = "A path matcher has at most 100 path templates, those of HEAD among them."
    }
  }
}

# Everything on port 80 is sent to https.
resource "google_compute_url_map" "redirect" {
  name = "meridian-redirect"
  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_ssl_policy" "this" {
  name            = "meridian"
  profile         = "RESTRICTED"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "this" {
  name            = "meridian"
  url_map         = google_compute_url_map.https.id
  certificate_map = "//certificatemanager.googleapis.com/${google_certificate_manager_certificate_map.this.id}"
  ssl_policy      = google_compute_ssl_policy.this.id
  quic_override   = "ENABLE"
  # 0-RTT data can be replayed.
  tls_early_data = "DISABLED"

  depends_on = [google_certificate_manager_certificate_map_entry.this]
}

resource "google_compute_target_http_proxy" "redirect" {
  name    = "meridian-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_address" "this" {
  for_each = toset(["IPV4", "IPV6"])

  name       = "meridian-${lower(each.key)}"
  ip_version = each.key
  lifecycle {
    prevent_destroy = true # names and allow lists depend on it
  }
}

resource "google_compute_global_forwarding_rule" "https" {
  for_each = google_compute_global_address.this

  name                  = "meridian-https-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.this.id
}

resource "google_compute_global_forwarding_rule" "http" {
  for_each = google_compute_global_address.this

  name                  = "meridian-http-${lower(each.key)}"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = each.value.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
