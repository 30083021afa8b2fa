"""Keeps failures of one dependency from spreading: circuit breakers, bulkheads, deadlines."""
