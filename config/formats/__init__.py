"""How days and times are written where a template or the admin does it by itself."""
