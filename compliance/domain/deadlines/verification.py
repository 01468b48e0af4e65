"""What the status of a deadline rests on, beyond the clock."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from compliance.domain.vocabulary import Verdict, Verification


def verification(
    conclusions: Collection[Verdict], looks: Collection[date], *, due_on: date | None
) -> Verification:
    """Return the verification that follows from effective determinations and days of search logs.

    A look before the due day cannot have found what was to be done by then, and checks nothing.
    """
    if any(each is not Verdict.UNDETERMINED for each in conclusions):
        return Verification.CONFIRMED
    if conclusions or any(due_on is None or day >= due_on for day in looks):
        return Verification.CHECKED
    return Verification.UNCHECKED
