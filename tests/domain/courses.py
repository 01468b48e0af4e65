"""Random courses: terms and facts that meet each other in every order, close together in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from compliance.domain.due_rules import Due
from compliance.domain.timeline import Fact, Terms
from compliance.domain.vocabulary import FactKind

START = datetime(2026, 1, 1, tzinfo=UTC)
# A small world, so that instants coincide often: that is where rules are decided.
LAST_HOUR = 40


def hour(number: int) -> datetime:
    """An instant of the small world."""
    return START + timedelta(hours=number)


def due_at_hour(number: int, grace: int = 0) -> Due:
    """A due instant in the small world, in UTC, with a grace period in hours."""
    at = hour(number)
    last_instant = at - timedelta(microseconds=1)
    return Due(
        due_on=last_instant.date(),
        due_at=at,
        unmet_at=at + timedelta(hours=grace),
        timezone="UTC",
    )


hours = st.integers(0, LAST_HOUR)
dues = st.builds(due_at_hour, st.integers(5, LAST_HOUR), st.sampled_from([0, 0, 3, 10]))


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    """Terms that begin before they are due, with or without a target quantity."""
    due = draw(dues)
    return Terms(
        begins_at=min(hour(draw(st.integers(0, 8))), due.due_at),
        due=due,
        target_quantity=draw(st.sampled_from([None, None, Decimal(10)])),
    )


@st.composite
def histories(draw: st.DrawFn, most: int = 6) -> list[tuple[Fact, datetime]]:
    """Facts, each with the instant at which it was recorded, in order of recording.

    Effects and recordings are drawn apart: facts come to light early, late and out of order.
    """
    recordings = sorted(draw(st.lists(hours, max_size=most)))
    found: list[tuple[Fact, datetime]] = []
    for number, recorded in enumerate(recordings, start=1):
        targets: list[int | None] = [fact.id for fact, _ in found]
        kinds = [kind for kind in FactKind if kind is not FactKind.RETRACTION or targets]
        kind = draw(st.sampled_from(kinds))
        supersedes = draw(st.sampled_from([None, None, *targets]))
        if kind is FactKind.RETRACTION:
            supersedes = draw(st.sampled_from(targets))
        at = hour(draw(hours))
        by_day = draw(st.booleans())
        day_start = at.replace(hour=0)
        is_performance = kind is FactKind.PERFORMANCE
        fact = Fact(
            id=number,
            kind=kind,
            effective_at=day_start if by_day else at,
            effective_on=day_start.date() if by_day else None,
            quantity=draw(st.sampled_from([None, Decimal(4), Decimal(6)]))
            if is_performance
            else None,
            due=draw(dues) if kind is FactKind.EXTENSION else None,
            supersedes=supersedes,
        )
        found.append((fact, hour(recorded)))
    return found
