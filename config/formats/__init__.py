"""Date and time formats used by templates and the admin."""
