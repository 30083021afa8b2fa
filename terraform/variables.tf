# What differs between environments. What the system consists of, the registry says.

variable "project" {
  description = "The project id. An environment has a project of its own."
  type        = string
}

variable "project_number" {
  description = "The project's number, which the URLs of Cloud Run contain."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{6,}$", var.project_number))
    error_message = "A project's number consists of digits: gcloud projects describe PROJECT --format='value(projectNumber)'."
  }
}

variable "environment" {
  description = "MERIDIAN_ENVIRONMENT of every process."
  type        = string
  validation {
    condition     = contains(["staging", "production"], var.environment)
    error_message = "An environment in the cloud is staging or production."
  }
}

variable "domain" {
  description = "The host name of the public API, without scheme."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9-]+\\.)+[a-z]{2,}$", var.domain))
    error_message = "A host name such as api.example.com."
  }
}

variable "dns_zone" {
  description = "The Cloud DNS managed zone of the domain in this project; null where another service holds it, which then needs the records of the output `dns`."
  type        = string
  default     = null
}

variable "image" {
  description = "The one image, by digest. It starts services that do not exist yet; from then on the rollout decides."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "An image is named by its digest: a tag may mean another image tomorrow."
  }
}

variable "event_bus" {
  description = "EVENT_BUS: pubsub, or kafka (Managed Service for Apache Kafka)."
  type        = string
  default     = "pubsub"
  validation {
    condition     = contains(["pubsub", "kafka"], var.event_bus)
    error_message = "The event bus is pubsub or kafka."
  }
}

variable "event_delivery" {
  description = "EVENT_DELIVERY: push to functions, or pull by workers. See docs/operations.md for how to change over."
  type        = string
  default     = "push"
  validation {
    condition     = contains(["push", "pull"], var.event_delivery)
    error_message = "Events are delivered by push or by pull."
  }
}

variable "settings" {
  description = "The settings of docs/configuration.md that are the shop's own. Where things are, Terraform says itself."
  type        = map(string)
  validation {
    condition = length(setsubtract(keys(var.settings), [
      "ACTIVITY_WAITERS", "ALLOWED_CHAINS", "ALLOWED_ORIGINS", "ANSWER_WITHIN_SECONDS", "CHAIN_ASSETS", "CHAIN_CONFIRMATIONS",
      "CHAIN_START_BLOCK", "CLAIM_ATTEMPTS", "CLAIM_CHAIN_ID", "CLAIM_CONTRACT", "CLAIM_REDEEM_AFTER_SECONDS",
      "CLAIM_REDEMPTION", "CLAIM_RETRY_SECONDS", "COLLECT_FROM", "CUSTODY_CHAIN_ID", "FEE_BPS", "GATE", "HOUSE_ADDRESSES",
      "OPERATOR_ADDRESSES", "ORDER_MATURES_AFTER_SECONDS", "ORDER_TTL_SECONDS", "PAYMENT_LAG_SECONDS", "QUOTE_TTL_SECONDS",
      "REPLACE_AFTER_SECONDS", "STANDBY_NAMES", "VAULT_CONTRACT", "VOUCHER_TTL_SECONDS", "WITHDRAWAL_FEE", "WITHDRAWAL_LEAST",
    ])) == 0
    error_message = "Only settings of docs/configuration.md that say how the shop works; nothing that says where things are."
  }
}

variable "most_instances" {
  description = "At most so many instances of anything, whatever its scale says; null for the registry's maxima."
  type        = number
  default     = null
}

variable "keeps_instances" {
  description = "Whether failover rows keep an instance. Without, a region's health moves nobody, and nothing idles."
  type        = bool
  default     = true
}

variable "database" {
  description = "The cells' database servers. generations: what is added to a cell's server's name once it was restored into another one, such as -2. read_only: the cells whose servers take no writes for now. pooling: Managed Connection Pooling, which breaks session settings, LISTEN and advisory locks: see modules/database/README.md."
  type = object({
    tier           = string
    edition        = optional(string, "ENTERPRISE")
    disk_gb        = optional(number, 100)
    replica_tier   = optional(string)
    standby        = optional(bool, true)
    retained_days  = optional(number, 7)
    generations    = optional(map(string), {})
    read_only      = optional(list(string), [])
    pooling        = optional(bool, false)
    version        = optional(string, "POSTGRES_18")
    maintenance_at = optional(object({ day = number, hour = number }), { day = 7, hour = 3 })
  })
}

variable "promoted" {
  description = "The cells that were promoted, and the region that serves each now, such as { as = \"us-central1\" }. Their workers, schedules and pushes are there; where a cell may be promoted to, its functions and RPC hosts are anyway."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for cell, region in var.promoted : contains(lookup(local.serving, cell, []), region)])
    error_message = "A cell of the registry, and the region where its standby is."
  }
}

variable "cache" {
  description = "The regions' Redis clusters."
  type = object({
    node_type = optional(string, "REDIS_STANDARD_SMALL")
    shards    = optional(number, 3)
    replicas  = optional(number, 1)
  })
  default = {}
}

variable "kafka" {
  description = "The regions' Kafka clusters, with event_bus = kafka."
  type        = object({ vcpus = optional(number, 3), memory_gb = optional(number, 12) })
  default     = {}
}

variable "documents_location" {
  description = "Firestore's multi-region. It cannot be changed later."
  type        = string
  default     = "nam5"
}

variable "key_versions" {
  description = "The version in use of each key in Cloud KMS, by its name in modules/identity; 1 by default. Signing keys do not rotate by themselves: their addresses are known to contracts."
  type        = map(number)
  default     = {}
}

variable "waf" {
  description = "Whether Cloud Armor's WAF rules deny what they match, or only log it (preview)."
  type        = string
  default     = "deny"
  validation {
    condition     = contains(["deny", "preview"], var.waf)
    error_message = "The WAF denies or previews."
  }
}

variable "alert_emails" {
  description = "Who is told of alerts."
  type        = list(string)
  default     = []
}

variable "repository" {
  description = "The repository as Cloud Build knows it (projects/.../connections/.../repositories/...), for the triggers; null for none."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether what holds data refuses to be deleted. To take an environment down, set it to false, apply, and destroy."
  type        = bool
  default     = true
}

variable "release_key" {
  description = "The version of bootstrap/'s key that signs releases, and its public half: gcloud kms keys versions get-public-key."
  type        = object({ version = string, public_pem = string })
  validation {
    condition     = can(regex("/cryptoKeyVersions/[0-9]+$", var.release_key.version)) && startswith(var.release_key.public_pem, "-----BEGIN PUBLIC KEY-----")
    error_message = "A version of a key in Cloud KMS, and its public half in PEM."
  }
}
