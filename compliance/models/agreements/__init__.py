"""Agreements, their parties and obligations."""
