"""Calls to other services over gRPC."""
