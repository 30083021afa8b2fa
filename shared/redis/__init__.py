"""Redis: a pipeline behind a circuit breaker, the cache in front of PostgreSQL, rate limits."""
