"""Delivery: what Cloud Build runs, and the programs that it runs. Nothing that serves imports it."""
