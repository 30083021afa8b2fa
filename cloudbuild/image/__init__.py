"""Builds the image without a registry, twice, and runs every role of it as a Pod: `make image`."""
