variable "project" {
  description = "The project id."
  type        = string
}

variable "regions" {
  description = "The regions, each of which gets a cluster."
  type        = list(string)
}

variable "network" {
  description = "The network that the clusters have their addresses in."
  type        = string
}

variable "connected" {
  description = "The network's connection policies for Redis by region, which clusters have to wait for."
  type        = map(string)
}

variable "clients" {
  description = "The e-mail addresses of the accounts that may connect, by service."
  type        = map(string)
}

variable "size" {
  description = "Of each cluster: type of node, shards, replicas of a shard."
  type        = object({ node_type = string, shards = number, replicas = number })
}

variable "deletion_protection" {
  description = "Whether clusters refuse to be deleted."
  type        = bool
}
