variable "region" {
  description = "The region."
  type        = string
}

variable "cell" {
  description = "The cell."
  type        = string
}

variable "serves" {
  description = "Whether the cell is served here at the moment; jobs say so by a label, for the release."
  type        = bool
}

variable "image" {
  description = "The image, by digest, of what does not exist yet."
  type        = string
}

variable "network" {
  description = "The network that instances are in."
  type        = string
}

variable "subnet" {
  description = "The region's subnet for instances."
  type        = string
}

variable "chain_urls" {
  description = "The secret with CHAIN_URLS."
  type        = string
}

variable "functions" {
  description = "The functions by their Cloud Run name. least, most: instances of the service; files: the secret's id by name under SECRETS_DIR; chains: whether it uses nodes of chains; internet: whether the firewall lets it out."
  type = map(object({
    row         = string
    service     = string
    args        = list(string)
    account     = string
    ingress     = string
    failover    = bool
    least       = number
    most        = number
    concurrency = number
    seconds     = number
    environment = map(string)
    files       = map(string)
    chains      = bool
    internet    = bool
  }))
}

variable "rpc_hosts" {
  description = "The RPC hosts by their Cloud Run name. callers: the e-mail addresses of the accounts that may call."
  type = map(object({
    service     = string
    args        = list(string)
    account     = string
    callers     = list(string)
    least       = number
    most        = number
    concurrency = number
    seconds     = number
    environment = map(string)
    files       = map(string)
    chains      = bool
    internet    = bool
  }))
}

variable "workers" {
  description = "The worker pools by their Cloud Run name."
  type = map(object({
    service     = string
    args        = list(string)
    account     = string
    instances   = number
    environment = map(string)
    files       = map(string)
    chains      = bool
    internet    = bool
  }))
}

variable "jobs" {
  description = "The jobs by their name. job: what it is, in every region."
  type = map(object({
    job         = string
    args        = list(string)
    account     = string
    seconds     = number
    environment = map(string)
    files       = map(string)
  }))
}
