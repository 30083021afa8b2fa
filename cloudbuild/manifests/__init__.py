"""Kubernetes manifests of every role, generated from the registry: for Knative, and for a plain cluster's workers."""
