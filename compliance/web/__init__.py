"""The pages that need no login: what a signed link in a message leads to."""
