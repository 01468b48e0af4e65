"""Effective instants of drafts."""

from __future__ import annotations

from datetime import date, datetime

from compliance.domain.civil_time import day_start
from compliance.domain.deadlines.drafts import DayOrInstant


def effective_instant(draft: DayOrInstant, timezone: str) -> tuple[datetime, date | None]:
    """Return when a draft takes effect, and its civil day if it gives no time of day.

    Args:
        timezone: the zone in which a day without a time begins.
    """
    if draft.on is not None:
        return day_start(draft.on, timezone), draft.on
    if draft.at is None:
        sentence = "The draft gives neither a day nor an instant."
        raise ValueError(sentence)
    return draft.at, None
