"""Reads that are more than a filter. They return plain rows with the names of the API."""
