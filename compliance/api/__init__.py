"""The REST door: parse, one operation or one query, render."""
