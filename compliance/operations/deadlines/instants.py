"""From when what people hand in counts."""

from __future__ import annotations

from datetime import date, datetime

from compliance.domain.civil_time import day_start
from compliance.domain.deadlines.drafts import DayOrInstant


def moment(draft: DayOrInstant, timezone: str) -> tuple[datetime, date | None]:
    """The instant from which a draft's word counts, and its civil day if that is all it gives."""
    if draft.on is not None:
        return day_start(draft.on, timezone), draft.on
    if draft.at is None:
        sentence = "The draft gives neither a day nor an instant."
        raise ValueError(sentence)
    return draft.at, None
