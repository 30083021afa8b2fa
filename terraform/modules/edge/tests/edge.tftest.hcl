mock_provider "google" {}

variables {
  domain   = "api.example.com"
  dns_zone = null
  regions  = ["us-central1", "europe-west1"]
  routes = {
    get_order   = { method = "GET", path = "/v1/orders/{order_id}", parameters = 1, limit = "read", cacheable = false, anonymous = false }
    quote_order = { method = "POST", path = "/v1/orders/quote", parameters = 0, limit = "write", cacheable = false, anonymous = false }
    read_docs   = { method = "GET", path = "/docs", parameters = 0, limit = "read", cacheable = true, anonymous = false }
    unmatched   = { method = "", path = "", parameters = 0, limit = "", cacheable = false, anonymous = false }
  }
  services = {
    us-central1  = { get_order = "get-order", quote_order = "quote-order", read_docs = "read-docs", unmatched = "unmatched" }
    europe-west1 = { get_order = "get-order", quote_order = "quote-order", read_docs = "read-docs", unmatched = "unmatched" }
  }
  limits = { read = { rate = 2000, burst = 5000 }, write = { rate = 100, burst = 50 } }
  waf    = "deny"
}

run "literals_come_before_templates" {
  command = plan
  assert {
    condition = [
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : [for match in rule.match_rules : coalesce(match.full_path_match, match.path_template_match)]
    ] == [["/docs", "/docs"], ["/v1/orders/quote"], ["/v1/orders/quote"], ["/v1/orders/*", "/v1/orders/*"]]
    error_message = "With bare wildcards, and a match for HEAD beside GET's; a literal that a template would match ends with a rule of its own."
  }
  assert {
    condition = [
      for rule in google_compute_url_map.https.path_matcher[0].route_rules : [for match in rule.match_rules : join(",", match.header_matches[*].exact_match)]
    ] == [["GET", "HEAD"], ["POST"], [""], ["GET", "HEAD"]]
    error_message = "Methods exactly; of the literal's own rule any other."
  }
}

run "a_route_is_served_in_every_region" {
  command = plan
  assert {
    condition     = length(google_compute_backend_service.row) == 4 && length(google_compute_region_network_endpoint_group.row) == 8
    error_message = "One backend service a route, one endpoint group a region."
  }
  assert {
    condition     = [for row, service in google_compute_backend_service.row : row if service.enable_cdn] == ["read_docs"]
    error_message = "Only what is public is cached."
  }
}

run "one_address_is_throttled_at_its_limit" {
  command = plan
  assert {
    condition = {
      for name, policy in google_compute_security_policy.profile : name => one([
        for rule in policy.rule : rule.rate_limit_options[0].rate_limit_threshold[0].count if rule.action == "throttle"
      ])
    } == { "" = 26050, read = 25000, write = 1050 }
    error_message = "Ten seconds of the rate and the burst; the sum of all where a row has none."
  }
}

run "more_templates_than_a_matcher_has_are_refused" {
  command = plan
  variables {
    routes = merge(
      { for number in range(51) : "row${number}" => { method = "GET", path = "/v1/r${number}/{id}", parameters = 1, limit = "read", cacheable = false, anonymous = false } },
      { unmatched = { method = "", path = "", parameters = 0, limit = "", cacheable = false, anonymous = false } },
    )
    services = { for region in ["us-central1", "europe-west1"] : region => merge({ for number in range(51) : "row${number}" => "row" }, { unmatched = "unmatched" }) }
  }
  expect_failures = [google_compute_url_map.https]
}
