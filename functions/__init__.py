"""The services of Meridian: one folder a service, one file an operation, one row of registry.yaml each."""
