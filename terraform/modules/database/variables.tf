variable "project" {
  description = "The project id."
  type        = string
}

variable "cells" {
  description = "The region of each cell."
  type        = map(string)
}

variable "standbys" {
  description = "The region of each cell's standby, of those that have one."
  type        = map(string)
}

variable "promoted" {
  description = "The cells whose standby was promoted: it is in two zones then, and has backups of its own."
  type        = list(string)
  default     = []
}

variable "services" {
  description = "The services that own a database."
  type        = list(string)
}

variable "logins" {
  description = "The e-mail address of each service's account that connects, by service."
  type        = map(string)
}

variable "migrations" {
  description = "The e-mail address of the account that migrates."
  type        = string
}

variable "network" {
  description = "The network that the servers have their addresses in."
  type        = string
}

variable "connected" {
  description = "The network's connection to Google's services, which servers have to wait for."
  type        = string
}

variable "max_connections" {
  description = "How many connections a server accepts."
  type        = number
}

variable "share" {
  description = "Which share of them a region's processes may hold."
  type        = number
}

variable "connections" {
  description = "How many connections a region's processes open at most."
  type        = number
}

variable "server" {
  description = "Size and upkeep: see the root's variable `database`."
  type = object({
    tier           = string
    edition        = string
    disk_gb        = number
    replica_tier   = optional(string)
    retained_days  = number
    generations    = map(string)
    read_only      = list(string)
    pooling        = bool
    version        = string
    maintenance_at = object({ day = number, hour = number })
  })
}

variable "deletion_protection" {
  description = "Whether servers refuse to be deleted."
  type        = bool
}
