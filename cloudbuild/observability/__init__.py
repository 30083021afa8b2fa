"""What is watched: rules, alerts and dashboards, described once, for Prometheus and Grafana and for Google Cloud."""
