variable "project" {
  description = "The project id."
  type        = string
}

variable "serving" {
  description = "The regions that serve each cell, or may after a promotion: it has keys of its own in each that send transactions."
  type        = map(list(string))
}

variable "services" {
  description = "The services, each of which gets an account."
  type        = list(string)
}

variable "database_users" {
  description = "The services that connect to a database, keeper and promoter among them."
  type        = list(string)
}

variable "signers" {
  description = "The services that sign with each key: voucher, treasury, relayer, tokens."
  type        = map(list(string))
}

variable "secrets" {
  description = "The services that read each secret, by its name under SECRETS_DIR."
  type        = map(list(string))
}

variable "key_versions" {
  description = "The version in use of each key, if it is not 1."
  type        = map(number)
}

variable "deletion_protection" {
  description = "Whether secrets refuse to be deleted."
  type        = bool
}
