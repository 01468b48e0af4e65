"""Decide what to do with a stored deadline when its rule yields other terms, or no deadline."""

from __future__ import annotations

from enum import StrEnum

from compliance.domain.deadlines.snapshots import StoredDeadline


class Change(StrEnum):
    """What to do with a stored deadline."""

    UPDATE = "update"
    WITHDRAW = "withdraw"
    KEEP = "keep"


def change_of(
    stored: StoredDeadline, *, is_wanted: bool, has_other_terms: bool, keeps_closed: bool
) -> Change:
    """Return what to do with a stored deadline.

    Args:
        is_wanted: the rule yields the deadline.
        has_other_terms: the terms that it yields differ from the stored ones.
        keeps_closed: closed deadlines keep the terms by which they were judged.
    """
    is_kept = keeps_closed and stored.is_closed
    if not is_wanted:
        return Change.KEEP if stored.is_withdrawn or is_kept else Change.WITHDRAW
    if stored.is_withdrawn:
        return Change.UPDATE
    return Change.UPDATE if has_other_terms and not is_kept else Change.KEEP
