"""Reads that are more than a filter. They return plain rows with the field names of the API."""
