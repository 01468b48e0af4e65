"""Proof that nothing recorded was changed: chains, seals and checks."""
