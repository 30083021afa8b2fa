"""The local stack: its processes, how they are started, checked for readiness and stopped."""
