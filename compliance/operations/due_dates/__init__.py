"""When obligations fall due: rules, calendars and their resolution."""
