"""What a month costs, computed from the registry: see README.md."""
