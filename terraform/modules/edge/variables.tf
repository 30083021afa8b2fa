variable "domain" {
  description = "The host name that is served."
  type        = string
}

variable "dns_zone" {
  description = "The Cloud DNS zone of the domain; null where it is elsewhere."
  type        = string
}

variable "regions" {
  description = "The regions that serve."
  type        = list(string)
}

variable "routes" {
  description = "The HTTP rows, and `unmatched` for everything else. limit: a profile of `limits`, or empty. anonymous: also without a token."
  type = map(object({
    method     = string
    path       = string
    parameters = number
    limit      = string
    cacheable  = bool
    anonymous  = bool
  }))
}

variable "services" {
  description = "The Cloud Run services by region and row."
  type        = map(map(string))
}

variable "limits" {
  description = "The registry's limits of a network address: requests per second, and the burst."
  type        = map(object({ rate = number, burst = number }))
}

variable "waf" {
  description = "deny or preview."
  type        = string
}

variable "log_share" {
  description = "Which share of requests is logged."
  type        = number
  default     = 1
}
