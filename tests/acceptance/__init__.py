"""What takes Debian's Prometheus: rules by promtool, dashboards on a real server. `make acceptance` runs it."""
