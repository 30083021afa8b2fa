"""The contract's common behaviour, on every HTTP route of the registry, through the edge."""
