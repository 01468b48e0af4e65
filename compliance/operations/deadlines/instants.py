"""Effective instants of drafts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime

from compliance.domain.civil_time import UnknownTimeZone, day_start
from compliance.domain.deadlines.drafts import DayOrInstant
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Precision


@contextmanager
def refusing_unknown_zone(path: str) -> Iterator[None]:
    """Refuse a day at `path` whose zone the zone data no longer has.

    Raises:
        Invalid: at `path`.
    """
    try:
        yield
    except UnknownTimeZone as error:
        sentence = f"{error} Correct the time zone of the deadline first, or give an instant."
        raise refusal(path, sentence) from None


def effective_instant(draft: DayOrInstant, timezone: str) -> tuple[datetime, date | None]:
    """Return when a draft takes effect, and its civil day if it gives no time of day.

    Args:
        timezone: the zone in which a day without a time begins.

    Raises:
        Invalid: the zone data no longer has the zone (at `on`).
    """
    if draft.on is not None:
        with refusing_unknown_zone("on"):
            return day_start(draft.on, timezone), draft.on
    if draft.at is None:
        sentence = "The draft gives neither a day nor an instant."
        raise ValueError(sentence)
    return draft.at, None


def stored_precision(precision: Precision) -> str | None:
    """Return a precision as it is stored: that of a day is not."""
    return None if precision is Precision.DAY else precision.value
