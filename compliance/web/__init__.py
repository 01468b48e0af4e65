"""Pages without a login, which links in messages and calendar programs open."""
