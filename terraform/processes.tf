# What each process is given: its account, arguments, environment and secrets. The variables are those of shared/config.py.

locals {
  # Cloud Run's URLs that can be said before the service exists; services that call one another could not be made otherwise.
  url = {
    for region in local.regions : region => merge(
      { for name, _ in local.functions : name => "https://${replace(name, "_", "-")}-${var.project_number}.${region}.run.app" },
      { for service, _ in local.rpc_hosts : "rpc-${service}" => "https://rpc-${service}-${var.project_number}.${region}.run.app" },
    )
  }

  # Who uses a chain's node; the URL has a key in it, so it is a secret.
  # They may reach the internet; of the others only pollers may, which call users' endpoints.
  chain_users = ["identity", "wallet", "supply", "claiming"]
  # `ready` asks every service's database, and a keeper writes its cell's lease to each.
  database_users = concat(local.databases, [local.rows.ready.service, "keeper"])

  # Of these secrets the key is in KMS, and the process is told which one.
  in_kms   = { voucher_key = "voucher", treasury_key = "treasury", relayer_key = "relayer" }
  verifies = "jwt_public_keys.json"

  # The secrets of a function: its row's, and what access tokens are checked with.
  function_secrets = {
    for name, row in local.functions : name => setunion(row.secrets, row.checked ? [local.verifies] : [])
  }
  # By secret, the services whose processes read it.
  secret_users = {
    for secret in distinct(flatten([
      [for secrets in local.function_secrets : tolist(secrets)],
      [for host in local.rpc_hosts : host.secrets],
      [for worker in local.workers : worker.secrets],
      ])) : secret => sort(distinct(concat(
      [for name, secrets in local.function_secrets : local.functions[name].service if contains(secrets, secret)],
      [for service, host in local.rpc_hosts : service if contains(host.secrets, secret)],
      [for worker in local.workers : worker.service if contains(worker.secrets, secret)],
    )))
  }
  key_users = { for secret, key in local.in_kms : key => lookup(local.secret_users, secret, []) }

  emails = module.identity.emails

  # What every process of a region is told.
  common = {
    for region in local.regions : region => merge(
      var.settings,
      {
        MERIDIAN_ENVIRONMENT = var.environment
        MERIDIAN_REGION      = region
        MERIDIAN_CELL        = local.cell_of[region]
        PUBLIC_URL           = "https://${var.domain}"
        GOOGLE_CLOUD_PROJECT = var.project
        SECRETS_DIR          = "/secrets"
        EVENT_BUS            = var.event_bus
        EVENT_DELIVERY       = var.event_bus == "pubsub" ? var.event_delivery : "push"
        REDIS_URL            = module.cache.urls[region]
        REDIS_CLUSTER        = "true"
        METRICS_WRITTEN      = "true"
        TRACES               = "cloud"
        RPC_ADDRESSES = join(",", [
          for service, _ in local.rpc_hosts : "${service}=${trimprefix(local.url[region]["rpc-${service}"], "https://")}:443"
        ])
        RPC_URL = "https://rpc-{service}-${var.project_number}.{region}.run.app"
      },
      var.event_bus == "kafka" ? {
        KAFKA_BOOTSTRAP = module.events.kafka_bootstrap[region]
        KAFKA_CELLS = join(",", [
          for cell, other in local.cells : "${cell}=${module.events.kafka_bootstrap[other]}" if other != region
        ])
      } : {},
    )
  }
  # And what those of a service are told in addition, in a region.
  own = {
    for region in local.regions : region => {
      for service in concat(keys(local.registry.services), ["keeper"]) : service => merge(
        contains(local.database_users, service) ? {
          CLOUD_SQL_INSTANCE = module.database.instances[local.cell_of[region]]
          CLOUD_SQL_REPLICA  = module.database.replicas[local.cell_of[region]]
          DATABASE_USER      = local.emails[service]
        } : {},
        length(local.keys_of[service]) > 0 ? {
          KMS_KEYS = join(",", [
            for key in local.keys_of[service] :
            "${key}=${module.identity.key_versions[key == "voucher" ? key : "${key}-${local.cell_of[region]}-${region}"]}"
          ])
        } : {},
      )
    }
  }
  keys_of = {
    for service in concat(keys(local.registry.services), ["keeper"]) : service => [
      for key, users in local.key_users : key if contains(users, service)
    ]
  }
  # Which account is which service: RPC hosts check it, and migrations grant by it.
  callers = join(",", [for service, _ in local.registry.services : "${local.emails[service]}=${service}"])

  # A secret's id by the name of its file; those of KMS are none.
  files = { for secret, _ in local.secret_users : secret => replace(secret, ".", "-") if !contains(keys(local.in_kms), secret) }
  mounts = {
    for region in local.regions : region => {
      redis_ca = module.cache.authorities[region]
    }
  }

  deployed = {
    for region in local.regions : region => {
      functions = {
        for name, row in local.functions : replace(name, "_", "-") => {
          row         = name
          service     = row.service
          args        = ["function", name]
          account     = local.emails[row.service]
          ingress     = row.internal ? "INGRESS_TRAFFIC_INTERNAL_ONLY" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
          failover    = row.failover
          least       = var.keeps_instances && row.failover ? max(1, local.scales[row.scale].min_instances) : local.scales[row.scale].min_instances
          most        = local.most[row.scale]
          concurrency = local.scales[row.scale].concurrency
          seconds     = local.scales[row.scale].timeout_seconds
          environment = merge(
            local.common[region],
            local.own[region][row.service],
            row.databases > 0 ? { DATABASE_POOL = tostring(local.scales[row.scale].pool) } : {},
            # What another cell answers is handed on to the same row there, whose account is the same.
            row.trigger == "http" ? {
              CELL_URL            = "https://{row}-${var.project_number}.{region}.run.app"
              FORWARDING_ACCOUNTS = local.emails[row.service]
              } : {
              INTERNAL_AUDIENCE = local.url[region][name]
              INTERNAL_ACCOUNTS = local.emails[row.trigger == "event" ? "pusher" : "scheduler"]
            },
          )
          files    = merge(local.mounts[region], { for secret in local.function_secrets[name] : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, row.service)
          internet = contains(local.chain_users, row.service)
        }
      }
      rpc_hosts = {
        for service, host in local.rpc_hosts : "rpc-${service}" => {
          service = service
          args    = ["rpc", service]
          account = local.emails[service]
          # And the release, whose smoke test asks a new revision for its health.
          callers     = concat([for caller in host.callers : local.emails[caller]], ["build-releaser@${var.project}.iam.gserviceaccount.com"])
          least       = var.keeps_instances ? local.scales.rpc.min_instances : 0
          most        = local.most.rpc
          concurrency = local.scales.rpc.concurrency
          seconds     = local.scales.rpc.timeout_seconds
          environment = merge(
            local.common[region],
            local.own[region][service],
            contains(local.databases, service) ? { DATABASE_POOL = tostring(local.scales.rpc.pool) } : {},
            { RPC_CALLERS = local.callers },
          )
          files    = merge(local.mounts[region], { for secret in host.secrets : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, service)
          internet = contains(local.chain_users, service)
        }
      }
      workers = {
        for name, worker in local.workers : name => {
          service   = worker.service
          args      = worker.role == "keeper" ? ["keeper"] : [worker.role, worker.service]
          account   = local.emails[worker.service]
          instances = local.scales.worker.min_instances
          environment = merge(
            local.common[region],
            local.own[region][worker.service],
            contains(local.databases, worker.service) ? { DATABASE_POOL = tostring(local.scales.worker.pool) } : {},
            { PORT = "8080" },
          )
          files    = merge(local.mounts[region], { for secret in worker.secrets : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, worker.service)
          internet = contains(local.chain_users, worker.service) || worker.role == "poller"
        }
      }
      jobs = merge({
        migrate = {
          args    = ["migrate"]
          account = local.emails.migrations
          seconds = 3600
          environment = merge(local.common[region], {
            CLOUD_SQL_INSTANCE = module.database.instances[local.cell_of[region]]
            DATABASE_USER      = local.emails.migrations
            DATABASE_POOL      = "1"
            RPC_CALLERS        = local.callers
            KEEPER_ACCOUNT     = local.emails.keeper
          })
          files = {}
        }
        audit = {
          args        = ["audit"]
          account     = local.emails.platform
          seconds     = 900
          environment = merge(local.common[region], local.own[region].platform, { DATABASE_POOL = "1" })
          files       = local.mounts[region]
        }
        }, {
        # Its arguments are given when it is executed: --consumer NAME --from TIME.
        for service in local.consuming : "replay-${service}" => {
          args        = ["replay"]
          account     = local.emails[service]
          seconds     = 3600
          environment = merge(local.common[region], local.own[region][service], { DATABASE_POOL = "2" })
          files       = local.mounts[region]
        }
      })
    }
  }
}
