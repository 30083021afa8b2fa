variable "project" {
  description = "The project id."
  type        = string
}

variable "region" {
  description = "Where images are kept and builds run."
  type        = string
}

variable "environment" {
  description = "The environment that is delivered to."
  type        = string
}

variable "subnet" {
  description = "The region's subnet that builds have an address in."
  type        = string
}

variable "release_key" {
  description = "The version of the key in Cloud KMS that signs releases, and its public half in PEM."
  type        = object({ version = string, public_pem = string })
}

variable "rollout" {
  description = "Further arguments of the rollout: what it cannot know of the registry."
  type        = list(string)
  default     = []
}

variable "repository" {
  description = "The repository as Cloud Build knows it; null for no triggers."
  type        = string
}
