"""The fields that the search boxes and autocompletions of the admin read."""

from __future__ import annotations


def folded(*names: str) -> tuple[str, ...]:
    """Return search fields in which case, accents and normalisation do not matter."""
    return tuple(f"{name}__folded" for name in names)
