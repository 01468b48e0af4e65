"""Evidence and its files."""
