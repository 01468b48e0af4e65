"""The permission matrix: a package, so that its fixtures are created once for all of it."""
