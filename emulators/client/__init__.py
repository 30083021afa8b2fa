"""A typed client of the API: gen/api.py is made from functions/openapi.json, calling.py is what its calls share."""
