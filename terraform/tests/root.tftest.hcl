# Plans that push events are made by tests/infrastructure, for each environment.
mock_provider "google" {}

variables {
  project        = "test-project"
  project_number = "123456789"
  environment    = "staging"
  domain         = "api.example.com"
  image          = "us-docker.pkg.dev/test-project/meridian/meridian@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  settings       = { ALLOWED_CHAINS = "1" }
  database       = { tier = "db-custom-2-8192" }
  release_key    = { version = "projects/p/locations/global/keyRings/k/cryptoKeys/releases/cryptoKeyVersions/1", public_pem = "-----BEGIN PUBLIC KEY-----" }
}

run "an_image_is_named_by_its_digest" {
  command = plan
  variables {
    image = "us-docker.pkg.dev/test-project/meridian/meridian:latest"
  }
  expect_failures = [var.image]
}

run "a_setting_says_how_the_shop_works" {
  command = plan
  variables {
    settings = { DATABASE_HOST = "elsewhere" }
  }
  expect_failures = [var.settings]
}

run "what_the_registry_says_is_there_with_pulled_events" {
  command = plan
  variables {
    event_delivery = "pull"
  }
  assert {
    condition     = output.counts.routes == output.counts.backend_services && output.counts.endpoint_groups == output.counts.routes * output.counts.regions
    error_message = "A backend service a route, an endpoint group a region."
  }
  assert {
    condition = output.counts.functions == 1 + length([
      for row in values(yamldecode(file("../functions/registry.yaml")).operations) : row if can(row.scale) && !can(row.environment)
    ])
    error_message = "Every row with a scale but the local stack's, and unmatched."
  }
  assert {
    condition     = output.connections.most <= output.connections.allowed
    error_message = "Connections stay within the server's share."
  }
  assert {
    condition     = output.counts.worker_pools == (length(local.working) + 4 + length(local.consuming)) * output.counts.sites_of_region
    error_message = "A relay for each service with an outbox or inboxes, three pollers, a keeper, a consumer where events are handled."
  }
  assert {
    condition     = !contains(keys(local.functions), "faucet") && !contains(keys(local.routes), "read_metrics")
    error_message = "Rows of the local stack and internal ones are not served."
  }
}

run "the_registrys_order_counts" {
  command = plan
  variables {
    event_delivery = "pull"
  }
  assert {
    condition     = local.primary == values({ for pair in regexall("cells: {(\\w+): ([a-z0-9-]+)", file("../functions/registry.yaml")) : "first" => pair[1] })[0]
    error_message = "The first cell's region is the primary."
  }
  assert {
    condition     = alltrue([for cell, region in local.standby_of : region != local.cells[cell]]) && length(distinct(values(local.standby_of))) == length(local.standby_of)
    error_message = "A standby is in another region, and each region has one."
  }
}

run "a_cell_is_promoted_where_its_standby_is" {
  command = plan
  variables {
    event_delivery = "pull"
    promoted       = { as = "us-central1" }
    settings       = { ALLOWED_CHAINS = "1", GATE = "strict", STANDBY_NAMES = "standby=us-central1" } # what the runbook sets
  }
  assert {
    condition     = { for site, each in output.sites : site => each.serves if each.cell == "as" } == { asia-east1 = false, us-central1-as = true }
    error_message = "It is served there, and not at home."
  }
  assert {
    condition     = alltrue([for name, each in local.deployed["us-central1-as"].workers : endswith(name, "-as") && each.instances > 0])
    error_message = "Its workers run there,"
  }
  assert {
    condition     = alltrue([for name, each in local.deployed["asia-east1"].workers : each.instances == 0])
    error_message = "and only there."
  }
}

run "nowhere_else" {
  command = plan
  variables {
    promoted = { as = "europe-west1" }
  }
  expect_failures = [var.promoted]
}
