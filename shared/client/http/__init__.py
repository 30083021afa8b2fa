"""A collection of HTTP requests for editors, generated from the OpenAPI document."""
