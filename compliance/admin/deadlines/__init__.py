"""Deadlines: status, facts, positions, breaches and the ledger."""
