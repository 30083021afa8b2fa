# What each process is given: its account, arguments, environment and secrets. The variables are those of shared/config.py.

locals {
  # Cloud Run's URLs that can be said before the service exists; services that call one another could not be made otherwise.
  url = {
    for site, at in local.sites : site => merge(
      { for name, _ in local.functions : name => "https://${replace(name, "_", "-")}${at.suffix}-${var.project_number}.${at.region}.run.app" },
      { for service, _ in local.rpc_hosts : "rpc-${service}" => "https://rpc-${service}${at.suffix}-${var.project_number}.${at.region}.run.app" },
    )
  }

  # Who uses a chain's node; the URL has a key in it, so it is a secret.
  # They may reach the internet; of the others only pollers may, which call users' endpoints.
  chain_users = ["identity", "wallet", "supply", "claiming"]
  # `ready` asks every service's database, a keeper writes its cell's lease to each, and who promotes a cell does what its
  # services do.
  database_users = concat(local.databases, [local.rows.ready.service, "keeper"], local.promoters)

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

  # The database server of a cell at a site, and the other one of the cell, where it has two.
  servers = {
    for site, at in local.sites : site => {
      own   = at.home ? module.database.instances[at.cell] : module.database.standbys[at.cell]
      other = at.home ? lookup(module.database.standbys, at.cell, "") : module.database.instances[at.cell]
    }
  }

  # What every process of a site is told.
  common = {
    for site, at in local.sites : site => merge(
      var.settings,
      {
        MERIDIAN_ENVIRONMENT = var.environment
        MERIDIAN_REGION      = at.region
        MERIDIAN_CELL        = at.cell
        PUBLIC_URL           = "https://${var.domain}"
        GOOGLE_CLOUD_PROJECT = var.project
        SECRETS_DIR          = "/secrets"
        EVENT_BUS            = var.event_bus
        EVENT_DELIVERY       = var.event_bus == "pubsub" ? var.event_delivery : "push"
        REDIS_URL            = module.cache.urls[at.region]
        REDIS_CLUSTER        = "true"
        METRICS_WRITTEN      = "true"
        TRACES               = "cloud"
        RPC_ADDRESSES = join(",", [
          for service, _ in local.rpc_hosts : "${service}=${trimprefix(local.url[site]["rpc-${service}"], "https://")}:443"
        ])
        RPC_URL = "https://rpc-{service}{suffix}-${var.project_number}.{region}.run.app"
      },
      var.event_bus == "kafka" ? {
        KAFKA_BOOTSTRAP = module.events.kafka_bootstrap[at.region]
        KAFKA_CELLS = join(",", [
          for cell, other in local.served : "${cell}=${module.events.kafka_bootstrap[other]}" if cell != at.cell
        ])
      } : {},
    )
  }
  # And what those of a service are told in addition, at a site. A standby has no replica: everything is read from itself.
  own = {
    for site, at in local.sites : site => {
      for service in concat(keys(local.registry.services), ["keeper", "promoter"]) : service => merge(
        contains(local.database_users, service) ? {
          CLOUD_SQL_INSTANCE = local.servers[site].own
          DATABASE_USER      = local.emails[service]
        } : {},
        contains(local.database_users, service) && at.home ? { CLOUD_SQL_REPLICA = module.database.replicas[at.cell] } : {},
        length(local.keys_of[service]) > 0 ? {
          KMS_KEYS = join(",", [
            for key in local.keys_of[service] :
            "${key}=${module.identity.key_versions[key == "voucher" ? key : "${key}-${at.cell}-${at.region}"]}"
          ])
        } : {},
      )
    }
  }
  keys_of = {
    for service in concat(keys(local.registry.services), ["keeper", "promoter"]) : service => [
      for key, users in local.key_users : key if contains(users, service)
    ]
  }
  # Which account is which service: RPC hosts check it, and migrations grant by it.
  callers = join(",", concat(
    [for service, _ in local.registry.services : "${local.emails[service]}=${service}"],
    ["${local.emails.promoter}=promoter"],
  ))

  # A secret's id by the name of its file; those of KMS are none.
  files = { for secret, _ in local.secret_users : secret => replace(secret, ".", "-") if !contains(keys(local.in_kms), secret) }
  mounts = {
    for site, at in local.sites : site => {
      redis_ca = module.cache.authorities[at.region]
    }
  }

  deployed = {
    for site, at in local.sites : site => {
      functions = {
        for name, row in local.functions : "${replace(name, "_", "-")}${at.suffix}" => {
          row     = name
          service = row.service
          args    = ["function", name]
          account = local.emails[row.service]
          # The edge sends users to a region's first cell, whose functions hand on what is another's: it knows these alone.
          ingress     = row.internal || !at.first ? "INGRESS_TRAFFIC_INTERNAL_ONLY" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
          failover    = row.failover && at.first
          least       = var.keeps_instances && row.failover && at.first ? max(1, local.scales[row.scale].min_instances) : at.serves ? local.scales[row.scale].min_instances : 0
          most        = local.most[row.scale]
          concurrency = local.scales[row.scale].concurrency
          seconds     = local.scales[row.scale].timeout_seconds
          environment = merge(
            local.common[site],
            local.own[site][row.service],
            row.databases > 0 ? { DATABASE_POOL = tostring(local.scales[row.scale].pool) } : {},
            # What another cell answers is handed on to the same row there, whose account is the same.
            row.trigger == "http" ? {
              CELL_URL            = "https://{row}{suffix}-${var.project_number}.{region}.run.app"
              FORWARDING_ACCOUNTS = local.emails[row.service]
              } : {
              INTERNAL_AUDIENCE = local.url[site][name]
              INTERNAL_ACCOUNTS = local.emails[row.trigger == "event" ? "pusher" : "scheduler"]
            },
          )
          files    = merge(local.mounts[site], { for secret in local.function_secrets[name] : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, row.service)
          internet = contains(local.chain_users, row.service)
        }
      }
      rpc_hosts = {
        for service, host in local.rpc_hosts : "rpc-${service}${at.suffix}" => {
          service = service
          args    = ["rpc", service]
          account = local.emails[service]
          # And who promotes another cell, which compares itself with this one; and the release, whose smoke test asks a new
          # revision for its health.
          callers = concat(
            [for caller in concat(host.callers, local.promoters) : local.emails[caller]],
            ["build-releaser@${var.project}.iam.gserviceaccount.com"],
          )
          least       = var.keeps_instances && at.serves ? local.scales.rpc.min_instances : 0
          most        = local.most.rpc
          concurrency = local.scales.rpc.concurrency
          seconds     = local.scales.rpc.timeout_seconds
          environment = merge(
            local.common[site],
            local.own[site][service],
            contains(local.databases, service) ? { DATABASE_POOL = tostring(local.scales.rpc.pool) } : {},
            { RPC_CALLERS = local.callers },
          )
          files    = merge(local.mounts[site], { for secret in host.secrets : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, service)
          internet = contains(local.chain_users, service)
        }
      }
      workers = {
        for name, worker in local.workers : "${name}${at.suffix}" => {
          service   = worker.service
          args      = worker.role == "keeper" ? ["keeper"] : [worker.role, worker.service]
          account   = local.emails[worker.service]
          instances = at.serves ? local.scales.worker.min_instances : 0
          environment = merge(
            local.common[site],
            local.own[site][worker.service],
            contains(local.databases, worker.service) ? { DATABASE_POOL = tostring(local.scales.worker.pool) } : {},
            { PORT = "8080" },
          )
          files    = merge(local.mounts[site], { for secret in worker.secrets : secret => local.files[secret] if can(local.files[secret]) })
          chains   = contains(local.chain_users, worker.service)
          internet = contains(local.chain_users, worker.service) || worker.role == "poller"
        }
      }
      jobs = merge(
        {
          "migrate${at.suffix}" = {
            job     = "migrate"
            args    = ["migrate"]
            account = local.emails.migrations
            seconds = 3600
            environment = merge(local.common[site], {
              CLOUD_SQL_INSTANCE = local.servers[site].own
              DATABASE_USER      = local.emails.migrations
              DATABASE_POOL      = "1"
              RPC_CALLERS        = local.callers
              KEEPER_ACCOUNT     = local.emails.keeper
            })
            files = {}
          }
          "audit${at.suffix}" = {
            job         = "audit"
            args        = ["audit"]
            account     = local.emails.platform
            seconds     = 900
            environment = merge(local.common[site], local.own[site].platform, { DATABASE_POOL = "1" })
            files       = local.mounts[site]
          }
        },
        # Its arguments are given when it is executed: --consumer NAME --from TIME.
        {
          for service in local.consuming : "replay-${service}${at.suffix}" => {
            job         = "replay"
            args        = ["replay"]
            account     = local.emails[service]
            seconds     = 3600
            environment = merge(local.common[site], local.own[site][service], { DATABASE_POOL = "2" })
            files       = local.mounts[site]
          }
        },
        # Promotes the cell to this region, and lists what only its other server has then. At home too: for the way back.
        {
          for job, args in { promote = [], lost-tail = [local.servers[site].other] } : "${job}-${at.cell}" => {
            job                      = job
            args                     = concat([job], args)
            account                  = local.emails.promoter
            seconds                  = 3600
            environment              = merge(local.common[site], local.own[site].promoter, { DATABASE_POOL = "4" })
            files                    = local.mounts[site]
          } if contains(keys(local.standby_of), at.cell)
        },
      )
    }
  }
}
