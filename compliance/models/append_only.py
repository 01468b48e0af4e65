"""Tables whose rows, once written, are never changed."""

from __future__ import annotations

import pgtrigger


def append_only() -> pgtrigger.Protect:
    """A trigger that refuses UPDATE and DELETE, whoever asks."""
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
