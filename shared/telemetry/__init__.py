"""What is told about a running system: request ids and traces, logs, metrics."""
