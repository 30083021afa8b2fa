"""What every service shares: contracts, errors, runtime, adapters to the outside. It never imports a service."""
