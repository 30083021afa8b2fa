variable "project" {
  description = "The project id."
  type        = string
}

variable "project_number" {
  description = "The project's number, which is part of Pub/Sub's own account."
  type        = string
}

variable "cells" {
  description = "The cells, each with topics of its own, and the region of each."
  type        = map(string)
}

variable "serving" {
  description = "The regions that serve each cell, or may after a promotion: its topics are kept in these, so that a promotion waits for no change of them."
  type        = map(list(string))
}

variable "bus" {
  description = "pubsub or kafka."
  type        = string
}

variable "pushed" {
  description = "Whether Pub/Sub pushes to functions; otherwise workers pull."
  type        = bool
}

variable "topics" {
  description = "The registry's topics."
  type        = map(object({ partitions = number }))
}

variable "publishers" {
  description = "The service that publishes to each topic."
  type        = map(string)
}

variable "subscriptions" {
  description = "An event row and one of its sources, by `<topic>.<row>`; seconds: the row's timeout; cells: whose events it receives."
  type        = map(object({ row = string, topic = string, service = string, publisher = string, seconds = number, cells = string }))
}

variable "urls" {
  description = "The URL of each event row where a cell is served now, by cell and row; it is the audience of the pushes' tokens too."
  type        = map(map(string))
}

variable "accounts" {
  description = "The e-mail address of each service's account."
  type        = map(string)
}

variable "pusher" {
  description = "The e-mail address of the account that pushes."
  type        = string
}

variable "endpoints" {
  description = "The subnet of Private Service Connect by region, for Kafka."
  type        = map(string)
}

variable "kafka" {
  description = "The size of each Kafka cluster."
  type        = object({ vcpus = number, memory_gb = number })
}
