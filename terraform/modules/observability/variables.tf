variable "project" {
  description = "The project id."
  type        = string
}

variable "domain" {
  description = "The public host name."
  type        = string
}

variable "health_path" {
  description = "The path of the registry's health check."
  type        = string
}

variable "url_map" {
  description = "The load balancer's URL map."
  type        = string
}

variable "max_connections" {
  description = "How many connections a database server accepts."
  type        = number
}

variable "share" {
  description = "Which share of them is to be in use at most."
  type        = number
}

variable "emails" {
  description = "Who is told."
  type        = list(string)
}
