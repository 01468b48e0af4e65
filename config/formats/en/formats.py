"""Unambiguous in every country: year first, and instants in UTC, marked as such."""

DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = r"Y-m-d H:i \U\T\C"
