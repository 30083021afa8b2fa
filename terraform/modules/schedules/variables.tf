variable "project" {
  description = "The project id."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "suffix" {
  description = "What the schedules' names end with: nothing for a region's first cell."
  type        = string
  default     = ""
}

variable "paused" {
  description = "Whether they wait: where the cell is not served."
  type        = bool
  default     = false
}

variable "rows" {
  description = "The schedule rows: when they run, their URL, which is the token's audience too, and their timeout."
  type        = map(object({ schedule = string, url = string, seconds = number }))
}

variable "services" {
  description = "The Cloud Run services of the region by row."
  type        = map(string)
}

variable "account" {
  description = "The e-mail address of the account that calls."
  type        = string
}

variable "audit" {
  description = "The job that audits."
  type        = string
}
