"""Verification: what the status of a deadline is based on, apart from the clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from compliance.domain.vocabulary import Verdict, Verification


def verification(
    verdicts: Collection[Verdict], searched_on: Collection[date], *, due_on: date | None
) -> Verification:
    """Return the verification of a status.

    Args:
        verdicts: those of the effective determinations.
        searched_on: the days of the search logs. A search before the due day cannot have found
            a performance that was due then, so it does not count.
        due_on: the due day, if there is one.
    """
    if any(each is not Verdict.UNDETERMINED for each in verdicts):
        return Verification.CONFIRMED
    if verdicts or any(due_on is None or day >= due_on for day in searched_on):
        return Verification.CHECKED
    return Verification.UNCHECKED
