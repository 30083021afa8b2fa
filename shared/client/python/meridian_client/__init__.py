"""A typed client of Meridian's API: api.py is generated from its OpenAPI document, calling.py has the base class."""
