"""Drafts of custom calendars."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from compliance.domain.date_fields import CivilDay
from compliance.domain.drafts import Draft
from compliance.domain.fields import WHOLE, CalendarCode, Title
from compliance.domain.limits import AtMost


class ClosingDayDraft(Draft):
    """A day on which a custom calendar is closed, with the reason."""

    on: CivilDay
    reason: Title


_Weekday = Annotated[int, Field(strict=True, ge=0, le=6), WHOLE]


def _each_day_once(days: tuple[ClosingDayDraft, ...]) -> tuple[ClosingDayDraft, ...]:
    seen = {day.on for day in days}
    if len(seen) != len(days):
        sentence = "Remove the duplicates: name each day only once."
        raise ValueError(sentence)
    return days


class CustomCalendarDraft(Draft):
    """A custom calendar: the weekdays (0 is Monday) and the days on which it is closed."""

    code: CalendarCode
    title: Title
    weekend: Annotated[
        frozenset[Annotated[int, Field(strict=True, ge=0, le=6), WHOLE]], AtMost(7)
    ] = frozenset({5, 6})
    closing_days: Annotated[
        tuple[ClosingDayDraft, ...], AtMost(5_000), AfterValidator(_each_day_once)
    ] = ()
