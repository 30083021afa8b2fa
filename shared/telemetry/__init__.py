"""Telemetry: request ids and trace context, logs, metrics."""
