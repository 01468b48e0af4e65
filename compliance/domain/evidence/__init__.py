"""Evidence and the files that hold it."""
