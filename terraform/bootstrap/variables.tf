variable "project" {
  description = "The project id."
  type        = string
}

variable "location" {
  description = "Where the state is kept: a multi-region survives the loss of a region."
  type        = string
  default     = "US"
}

variable "contact" {
  description = "Whom Google asks about quotas."
  type        = string
}

variable "oidc" {
  description = "A pipeline outside of Cloud Build: the issuer of its tokens, and the repository that they have to name; null for none."
  type        = object({ issuer = string, repository = string })
  default     = null
}

variable "quotas" {
  description = "What is asked for beyond a new project's quotas: see the table in README.md."
  type = map(object({
    service  = string
    quota_id = string
    region   = optional(string)
    value    = number
    why      = string
  }))
  default = {
    backend-services = {
      service  = "compute.googleapis.com"
      quota_id = "GLOBAL-EXTERNAL-MANAGED-BACKEND-SERVICES-per-project"
      value    = 100
      why      = "A backend service for each of 59 routes, and a rollout's room"
    }
    network-endpoint-groups = {
      service  = "compute.googleapis.com"
      quota_id = "NETWORK-ENDPOINT-GROUPS-per-project"
      value    = 400
      why      = "A serverless endpoint group for each of 59 routes in 3 regions, and another region's"
    }
    security-policy-rules = {
      service  = "compute.googleapis.com"
      quota_id = "SECURITY-POLICY-CEVAL-RULES-per-project"
      value    = 60
      why      = "8 WAF rules in each of 5 policies, one for each rate limit"
    }
    cpu-us-central1 = {
      service  = "run.googleapis.com"
      quota_id = "CpuAllocPerProjectRegion"
      region   = "us-central1"
      value    = 1000000
      why      = "The sum of the services' maxima is some 750 instances of 1 vCPU (in thousandths)"
    }
    cpu-europe-west1 = {
      service  = "run.googleapis.com"
      quota_id = "CpuAllocPerProjectRegion"
      region   = "europe-west1"
      value    = 1000000
      why      = "The sum of the services' maxima is some 750 instances of 1 vCPU (in thousandths)"
    }
    cpu-asia-east1 = {
      service  = "run.googleapis.com"
      quota_id = "CpuAllocPerProjectRegion"
      region   = "asia-east1"
      value    = 1000000
      why      = "The sum of the services' maxima is some 750 instances of 1 vCPU (in thousandths)"
    }
  }
}
