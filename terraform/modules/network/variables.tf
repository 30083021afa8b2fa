variable "name" {
  description = "The network's name, and the beginning of its parts' names."
  type        = string
}

variable "regions" {
  description = "The regions that are served, at most 15."
  type        = list(string)
}

variable "range" {
  description = "The IPv4 range, a /12, of which each region gets a /16 and Private Services Access the last one."
  type        = string
  default     = "10.16.0.0/12"
}

variable "instances" {
  description = "The most instances that run in a region at once, blue and green together."
  type        = number
}
