variable "project" {
  description = "The project id."
  type        = string
}

variable "location" {
  description = "The multi-region."
  type        = string
}

variable "writers" {
  description = "The e-mail addresses of the accounts that write documents, by service."
  type        = map(string)
}

variable "readers" {
  description = "The e-mail addresses of the accounts that only read them, by service."
  type        = map(string)
}

variable "deletion_protection" {
  description = "Whether the database refuses to be deleted."
  type        = bool
}
