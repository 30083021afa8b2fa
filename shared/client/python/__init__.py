"""The Python client: a package of its own (pyproject.toml), which the local stack and the tests use as well."""
