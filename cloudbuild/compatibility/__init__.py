"""Expand and contract: whether the release that serves still works on the schema of the next one."""
