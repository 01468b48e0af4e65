"""Proof that no record was changed: hash chains, seals and ledger checks."""
