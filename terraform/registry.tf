# What functions/registry.yaml says, in the shapes that the modules take. Nothing of it is written a second time.

locals {
  text     = file("${path.module}/../functions/registry.yaml")
  registry = yamldecode(local.text)

  # Rows of the local stack (the faucet) never leave it.
  rows = { for name, row in local.registry.operations : name => row if try(row.environment, "") == "" }

  scales = local.registry.scales

  databases = [for name, service in local.registry.services : name if try(service.database, false)]
  working   = [for name, service in local.registry.services : name if try(service.database, false) || can(service.outbox)]

  # What a function is, whatever starts it. `unmatched` answers what no row does; it has no row of its own.
  functions = merge(
    {
      for name, row in local.rows : name => {
        service    = row.service
        trigger    = can(row.http) ? "http" : can(row.event) ? "event" : "schedule"
        internal   = !can(row.http) || try(row.ingress, "") == "internal"
        failover   = try(row.failover, false)
        scale      = row.scale
        emits      = length(try(row.emits, [])) > 0
        checked    = !contains(["", "public"], try(row.scope, ""))
        secrets    = try(row.secrets, [])
        limit      = try(row.limit, "")
        databases  = name == "ready" ? length(local.databases) : contains(local.databases, row.service) ? 1 : 0
        cacheable  = anytrue([for said in [try(row.cache, ""), try(row.anonymous, "")] : startswith(said, "public")])
        anonymous  = can(row.anonymous)
        method     = can(row.http) ? split(" ", row.http)[0] : ""
        path       = can(row.http) ? split(" ", row.http)[1] : ""
        parameters = length(regexall("{\\w+}", try(row.http, "")))
        schedule   = try(row.schedule, "")
        types      = try(row.event, [])
      } if can(row.scale)
    },
    {
      unmatched = {
        service    = "platform"
        trigger    = "http"
        internal   = false
        failover   = true
        scale      = "read"
        emits      = false
        checked    = false
        secrets    = []
        limit      = ""
        databases  = 0
        cacheable  = false
        anonymous  = false
        method     = ""
        path       = ""
        parameters = 0
        schedule   = ""
        types      = []
      }
    },
  )

  # What the load balancer serves: of these, `unmatched` is the default.
  routes = { for name, row in local.functions : name => row if row.trigger == "http" && !row.internal }

  # RPC hosts: a service hosts its own rows, and those of `hosts: all` if it has an outbox or inboxes.
  hosted = {
    for service, _ in local.registry.services : service => {
      for name, row in local.rows : name => row
      if can(row.rpc) && (row.service == service || (try(row.hosts, "") == "all" && contains(local.working, service)))
    }
  }
  rpc_hosts = {
    for service, rows in local.hosted : service => {
      secrets = distinct(flatten([for row in rows : try(row.secrets, [])]))
      callers = sort(distinct(flatten([for row in rows : row.callers])))
    } if anytrue([for row in rows : !can(row.hosts) || contains(local.working, service)])
  }

  polled = {
    for kind in ["relay", "poller"] : kind => {
      for service, _ in local.registry.services : service => [
        for name, row in local.rows : row if row.service == service && try(row.worker, "") == kind
      ]
    }
  }
  consuming = distinct([for row in local.functions : row.service if row.trigger == "event"])

  # Workers by their Cloud Run name: a relay of each service with an outbox or inboxes, a poller where rows ask for one,
  # consumers where events are not pushed, and the cell's keeper, which is of no service.
  workers = merge(
    { keeper = { role = "keeper", service = "keeper", secrets = [] } },
    { for service in local.working : "relay-${service}" => { role = "relay", service = service, secrets = [] } },
    {
      for service, rows in local.polled.poller : "poller-${service}" => {
        role    = "poller"
        service = service
        secrets = distinct(flatten([for row in rows : try(row.secrets, [])]))
      } if length(rows) > 0
    },
    {
      for service in local.consuming : "consumer-${service}" => { role = "consumer", service = service, secrets = [] }
      if !local.pushed
    },
  )
  pushed = var.event_bus == "pubsub" && var.event_delivery == "push"

  # An event row has a topic for each source of its types (shared/bus/topics.py), published to by who emits those types.
  topic_of = merge([for topic, each in local.registry.topics : { for type in each.types : type => topic }]...)
  owner_of = {
    for topic, each in local.registry.topics : topic => distinct([
      for row in local.rows : row.service if length(setintersection(try(row.emits, []), each.types)) > 0
    ])
  }
  subscriptions = merge([
    for name, row in local.functions : {
      for topic in distinct([for type in row.types : local.topic_of[type]]) : "${topic}.${name}" => {
        row       = name
        topic     = topic
        service   = row.service
        publisher = one(local.owner_of[topic])
        seconds   = local.scales[row.scale].timeout_seconds
        cells     = try(local.rows[name].cells, "own")
      }
    } if row.trigger == "event"
  ]...)

  # The most that a site runs at once, and the most connections that this takes of its cell's server. It is the same sum
  # as in tests/shared/test_registry_connections.py, but with what this environment caps.
  most = { for name, scale in local.scales : name => min(scale.max_instances, coalesce(var.most_instances, scale.max_instances)) }

  instances = sum(concat(
    [for row in local.functions : local.most[row.scale]],
    [local.most.rpc * length(local.rpc_hosts)],
    [local.most.worker * length(local.workers)],
  ))
  connections = sum(concat(
    [for row in local.functions : local.most[row.scale] * row.databases * (local.scales[row.scale].pool + (row.emits ? 1 : 0))],
    [for service in local.databases : local.most.rpc * (local.scales.rpc.pool + 1)],
    [for service in local.databases : local.most.worker * (local.scales.worker.pool + 2 + length(local.polled.relay[service]))],
    [
      for service in local.databases : local.most.worker * (local.scales.worker.pool + 1 + length(local.polled.poller[service]))
      if length(local.polled.poller[service]) > 0
    ],
    [for service in local.consuming : local.most.worker * (local.scales.worker.pool + 1)],
    [local.most.worker * 2 * length(local.databases)], # keepers: lease and gate of each database
    [16],                                              # migrations, audits, people
  ))
}
