"""Append-only tables."""

from __future__ import annotations

import pgtrigger


def append_only() -> pgtrigger.Protect:
    """Return a trigger that rejects every UPDATE and DELETE."""
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
