"""The stored dates of a milestone that has a date for each party."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from compliance.domain.agreements.milestone_drafts import PartyDateDraft
from compliance.domain.civil_periods import period_of, period_text
from compliance.domain.due_dates.periods import Event, event_in
from compliance.domain.vocabulary import Precision


def dump_dates(dates: Iterable[PartyDateDraft] | None) -> list[dict[str, Any]] | None:
    """Return the dates as JSON, by party code; None for a milestone that has one date."""
    if dates is None:
        return None
    return [
        {
            "party": each.party,
            "on": None if each.on is None else period_text(each.on, each.precision),
            "precision": None if each.on is None else each.precision.value,
            "at": None if each.at is None else f"{each.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        for each in sorted(dates, key=lambda each: each.party)
    ]


def load_dates(stored: Iterable[Mapping[str, Any]] | None) -> dict[str, Event] | None:
    """Return the events that `dump_dates` wrote, by party code."""
    if stored is None:
        return None
    drafts = (PartyDateDraft.model_validate(each) for each in stored)
    return {each.party: _event(each.on, each.precision, each.at) for each in drafts}


def _event(on: date | None, precision: Precision, at: datetime | None) -> Event:
    if at is not None:
        # The civil day depends on the zone in which the period is counted.
        return Event(on=at.astimezone(UTC).date(), at=at)
    assert on is not None, "each date has a day or an instant"
    return event_in(period_of(on, precision))
