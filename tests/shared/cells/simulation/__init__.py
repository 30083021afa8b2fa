"""A deterministic simulation of the protocols between cells, which drives the very code of shared/cells."""
