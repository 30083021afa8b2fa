# Cloud Armor in front: a policy for each of the registry's limits, so that one network address is throttled at what the
# functions would refuse it anyway, and the WAF's rules.

locals {
  seconds = 10

  # Rows without a limit, and what no row answers: the sum of all, as at the local edge, which no limit is below.
  rates = merge(
    { for name, limit in var.limits : name => { rate = limit.rate, burst = limit.burst } },
    { "" = { rate = sum([for limit in var.limits : limit.rate]), burst = sum([for limit in var.limits : limit.burst]) } },
  )
  used = toset([for route in var.routes : route.limit])

  # Google's selections of the OWASP core rule set. Bodies are JSON of ours, checked strictly by type, so sensitivity 1 does.
  waf = ["sqli-v33-stable", "xss-v33-stable", "lfi-v33-stable", "rfi-v33-stable", "rce-v33-stable",
  "scannerdetection-v33-stable", "protocolattack-v33-stable", "sessionfixation-v33-stable"]
}

resource "google_compute_security_policy" "profile" {
  for_each = local.used

  name        = each.key == "" ? "edge-any" : "edge-${each.key}"
  description = each.key == "" ? "Rows without a limit of their own" : "The limit ${each.key} of the registry"
  type        = "CLOUD_ARMOR"

  advanced_options_config {
    json_parsing = "STANDARD"
    log_level    = "NORMAL"
  }
  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable          = true
      rule_visibility = "STANDARD"
    }
  }

  dynamic "rule" {
    for_each = local.waf
    content {
      description = rule.value
      priority    = 1000 + rule.key
      action      = "deny(403)"
      preview     = var.waf == "preview"
      match {
        expr {
          expression = "evaluatePreconfiguredWaf('${rule.value}', {'sensitivity': 1})"
        }
      }
    }
  }

  rule {
    description = "One network address, at the rate that functions serve it and not above"
    priority    = 2000
    action      = "throttle"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = local.rates[each.key].rate * local.seconds + local.rates[each.key].burst
        interval_sec = local.seconds
      }
    }
  }

  rule {
    description = "Whatever was not throttled"
    priority    = 2147483647
    action      = "allow"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}
