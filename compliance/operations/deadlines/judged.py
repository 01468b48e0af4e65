"""Closed deadlines that keep the terms by which they were judged.

New zone or holiday data, and what moves because of it, do not change them. News does, such as an
extension of the deadline from which they count.
"""

from __future__ import annotations

from collections.abc import Iterable

from compliance.models import Deadline

KEPT = "as judged"
"""The data version of a closed deadline whose rule would yield other terms now."""


def is_judged(row: Deadline) -> bool:
    """Return whether a deadline is closed, and was judged by the terms that it must have.

    Without a data version, its terms are outdated: they could not be changed with the others.
    """
    return row.is_closed and row.data_version != ""


def is_kept(row: Deadline) -> bool:
    """Return whether a closed deadline kept the terms by which it was judged."""
    return row.is_closed and row.data_version == KEPT


def keep(obligation_ids: Iterable[int]) -> None:
    """Let the closed deadlines of obligations keep the terms by which they were judged.

    Needed if these obligations, or those that they depend on, could not be rescheduled with the
    current data, and will be tried again.
    """
    closed = Deadline.objects.filter(obligation__in=set(obligation_ids), is_closed=True)
    closed.exclude(data_version="").update(data_version=KEPT)
