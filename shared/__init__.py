"""What all services share: contracts, errors, runtime, clients of databases and other systems."""
