output "dns" {
  description = "The DNS records that the domain needs; those of a zone in this project are there already."
  value       = module.edge.records
}

output "addresses" {
  description = "The load balancer's addresses."
  value       = module.edge.addresses
}

output "instances" {
  description = "The most instances that a region runs at once."
  value       = local.instances * local.shared
}

output "connections" {
  description = "The most connections that a cell's processes open to its server, and how many it accepts."
  value = {
    most    = local.connections
    allowed = local.registry.database.connections * local.registry.database.share
    server  = local.registry.database.connections
  }
}

output "counts" {
  description = "How much of what there is, for the quotas in bootstrap/."
  value = {
    regions          = length(local.regions)
    functions        = length(local.functions)
    routes           = length(local.routes)
    backend_services = length(local.routes)
    endpoint_groups  = length(local.routes) * length(local.regions)
    sites            = length(local.sites)
    sites_of_region  = local.shared
    cloud_run        = (length(local.functions) + length(local.rpc_hosts)) * local.shared
    worker_pools     = length(local.workers) * local.shared
    subscriptions = sum([
      for each in local.subscriptions : length(local.cells) * (each.cells == "own" ? 1 : each.cells == "all" ? length(local.cells) : length(local.cells) - 1)
    ])
  }
}

output "sites" {
  description = "Where cells are served, and may be after a promotion: cell, region, what the names of its processes end with, and whether it is served there now."
  value       = { for name, site in local.sites : name => { cell = site.cell, region = site.region, suffix = site.suffix, serves = site.serves } }

  precondition {
    condition     = toset(local.ordered) == toset(keys(local.cells))
    error_message = "The order of the cells cannot be read: they are one line of functions/registry.yaml, cells: {us: us-central1, ...}."
  }
}

output "delivery" {
  description = "What cloudbuild/release.yaml is told: where images go, who attests them, and where builds run."
  value = {
    repository = module.delivery.repository
    attestor   = module.delivery.attestor
    pool       = module.delivery.pool
  }
}

output "accounts" {
  description = "The e-mail addresses of the services' accounts, and of migrations, pusher and scheduler."
  value       = local.emails
}

output "secrets" {
  description = "The secrets that need a value, by the name of their file; chain_urls is a variable and no file."
  value       = module.identity.secrets
}

output "token_key" {
  description = "The key whose versions sign access tokens, for `rotate-keys --kms-version`."
  value       = module.identity.token_key
}
