"""Regions of a running stack: how they die and come back, and where their cells are served meanwhile."""
