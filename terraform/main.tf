module "network" {
  source = "./modules/network"

  name      = "meridian"
  regions   = sort(local.regions) # their ranges are by this order, whatever the registry's
  instances = local.instances * local.shared
}

module "identity" {
  source = "./modules/identity"

  project        = var.project
  serving        = local.serving
  services       = keys(local.registry.services)
  database_users = local.database_users
  signers        = merge(local.key_users, { tokens = lookup(local.secret_users, "jwt_private_keys.json", []) })
  secrets = merge(
    { for secret, users in local.secret_users : secret => users if !contains(keys(local.in_kms), secret) },
    { chain_urls = local.chain_users },
  )
  key_versions        = var.key_versions
  deletion_protection = var.deletion_protection
}

module "database" {
  source = "./modules/database"

  project             = var.project
  cells               = local.cells
  standbys            = local.standby_of
  promoted            = [for cell, region in local.served : cell if region != local.cells[cell]]
  services            = local.databases
  logins              = { for service in local.database_users : service => local.emails[service] }
  migrations          = local.emails.migrations
  network             = module.network.id
  connected           = module.network.services
  max_connections     = local.registry.database.connections
  share               = local.registry.database.share
  connections         = local.connections
  server              = var.database
  deletion_protection = var.deletion_protection
}

module "cache" {
  source = "./modules/cache"

  project             = var.project
  regions             = local.regions
  network             = module.network.id
  connected           = module.network.redis
  clients             = { for client in concat(keys(local.registry.services), local.promoters) : client => local.emails[client] }
  size                = var.cache
  deletion_protection = var.deletion_protection
}

module "events" {
  source = "./modules/events"

  project        = var.project
  project_number = var.project_number
  cells          = local.cells
  serving        = local.serving
  bus            = var.event_bus
  pushed         = local.pushed
  topics         = { for name, topic in local.registry.topics : name => { partitions = topic.partitions } }
  publishers     = { for topic, owners in local.owner_of : topic => one(owners) }
  subscriptions  = local.subscriptions
  urls           = { for cell, site in local.site_of : cell => local.url[site] }
  accounts       = local.emails
  pusher         = local.emails.pusher
  endpoints      = module.network.endpoints
  kafka          = var.kafka
}

module "documents" {
  source = "./modules/documents"

  project  = var.project
  location = var.documents_location
  # Users and sessions, assets' merchants, feeds, leases, where cells are. Others only check sessions.
  writers             = { for writer in concat(["identity", "supply", "notification", "keeper"], local.promoters) : writer => local.emails[writer] }
  readers             = { for service in ["wallet", "order", "claiming", "platform"] : service => local.emails[service] }
  deletion_protection = var.deletion_protection
}

# By site: a region for its first cell, else region and cell.
module "functions" {
  source   = "./modules/functions"
  for_each = local.sites

  region     = each.value.region
  cell       = each.value.cell
  serves     = each.value.serves
  image      = var.image
  network    = module.network.id
  subnet     = module.network.subnets[each.value.region]
  chain_urls = module.identity.secrets["chain_urls"]
  functions  = local.deployed[each.key].functions
  rpc_hosts  = local.deployed[each.key].rpc_hosts
  workers    = local.deployed[each.key].workers
  jobs       = local.deployed[each.key].jobs

  # A revision is refused if its account cannot read its secrets yet.
  depends_on = [module.identity, module.cache]
}

module "schedules" {
  source   = "./modules/schedules"
  for_each = local.sites

  project = var.project
  region  = each.value.region
  suffix  = each.value.suffix
  paused  = !each.value.serves
  rows = {
    for name, row in local.functions : name => {
      schedule = row.schedule
      url      = local.url[each.key][name]
      seconds  = local.scales[row.scale].timeout_seconds
    } if row.trigger == "schedule"
  }
  services = module.functions[each.key].services
  account  = local.emails.scheduler
  audit    = module.functions[each.key].jobs["audit${each.value.suffix}"]
}

module "edge" {
  source = "./modules/edge"

  domain   = var.domain
  dns_zone = var.dns_zone
  regions  = local.regions
  routes   = local.routes
  # Users are sent to a region's first cell, whose functions hand on what another one answers.
  services = { for region in local.regions : region => module.functions[region].services }
  limits   = { for name, limit in local.registry.limits : name => limit.ip }
  waf      = var.waf
}

module "observability" {
  source = "./modules/observability"

  project         = var.project
  domain          = var.domain
  health_path     = local.functions.health.path
  url_map         = module.edge.url_map
  max_connections = local.registry.database.connections
  share           = local.registry.database.share
  emails          = var.alert_emails
}

module "delivery" {
  source = "./modules/delivery"

  project     = var.project
  region      = local.primary
  environment = var.environment
  subnet      = module.network.endpoints[local.primary]
  release_key = var.release_key
  rollout     = concat(local.pushed ? [] : ["--consumers"], length(local.standby_of) > 0 ? [] : ["--no-standbys"])
  repository  = var.repository
}
