"""Random terms and facts for timelines, close together in time so that they often coincide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
# Few hours, so that instants often coincide: these are the cases that are hard to get right.
LAST_HOUR = 40

LASTING = frozenset({FactKind.VIOLATION, FactKind.SUSPENSION})
DATING = frozenset({FactKind.EXTENSION, FactKind.TRIGGER})


def hour(number: int) -> datetime:
    """An instant, as an hour since `START`."""
    return START + timedelta(hours=number)


def due_at_hour(number: int, grace: int = 0, window: int = 0) -> Due:
    """A due date at an hour since `START`, in UTC, with a grace period and a window in hours."""
    at = hour(number)
    last_instant = at - timedelta(microseconds=1)
    return Due(
        due_on=last_instant.date(),
        due_at=at,
        unmet_at=at + timedelta(hours=grace),
        timezone="UTC",
        earliest_due_at=at - timedelta(hours=window) if window else None,
    )


hours = st.integers(0, LAST_HOUR)
dues = st.builds(
    due_at_hour,
    st.integers(5, LAST_HOUR),
    st.sampled_from([0, 0, 3, 10]),
    st.sampled_from([0, 0, 2, 4]),
)
_one_in_four = st.integers(0, 3).map(lambda number: number == 3)
quantities = st.sampled_from([Decimal(4), Decimal(6), Decimal(10)])


@st.composite
def moves(draw: st.DrawFn) -> tuple[Move, ...]:
    """Moves of a deadline by the events that it depends on, in order."""
    instants = sorted(draw(st.lists(hours, max_size=2)))
    return tuple(
        Move(
            at=hour(at),
            due=draw(st.none() | dues | dues),
            reason=draw(st.sampled_from([Reason.TRIGGERED, Reason.RESCHEDULED])),
        )
        for at in instants
    )


@st.composite
def terms(draw: st.DrawFn, *, kinds: tuple[ObligationKind, ...] = tuple(ObligationKind)) -> Terms:
    """Terms of every kind; they begin before they are due, if they have a due date."""
    kind = draw(st.sampled_from(kinds))
    due = draw(dues) if draw(st.integers(0, 3)) else None
    begins_at = hour(draw(st.integers(0, 8)))
    is_kept = kind is not ObligationKind.ACHIEVE
    return Terms(
        begins_at=min(begins_at, due.due_at) if due else begins_at,
        due=due,
        kind=kind,
        starts_at=hour(draw(st.integers(0, 20))) if is_kept and draw(st.booleans()) else None,
        is_endless=is_kept and due is None and draw(st.booleans()),
        target_quantity=draw(st.sampled_from([None, Decimal(10)])),
        moves=draw(st.just(()) | moves()),
        is_withdrawn=draw(st.integers(0, 19)) == 19,
        # Agreements expire with the end of a day.
        expires_at=hour(draw(st.sampled_from([0, 24, 24, 48]))) if draw(_one_in_four) else None,
    )


achieved = terms(kinds=(ObligationKind.ACHIEVE,))
kept = terms(kinds=(ObligationKind.MAINTAIN, ObligationKind.REFRAIN))


@st.composite
def facts(draw: st.DrawFn, number: int, earlier: tuple[int, ...] = ()) -> Fact:
    """Any fact that may be recorded after those numbered `earlier`."""
    # Measurements have properties of their own: see test_measurements.py.
    kinds = [kind for kind in FactKind if kind is not FactKind.MEASUREMENT]
    kinds = [kind for kind in kinds if kind is not FactKind.RETRACTION or earlier]
    # Facts that last overlap with the most other facts.
    kind = draw(
        st.sampled_from([*kinds, *sorted(LASTING), FactKind.PERFORMANCE, FactKind.DETERMINATION])
    )
    supersedes = draw(st.sampled_from([None, None, *earlier]))
    if kind is FactKind.RETRACTION:
        supersedes = draw(st.sampled_from(earlier))
    at = hour(draw(hours))
    until: datetime | None = None
    until_on: date | None = None
    by_day = draw(st.booleans())
    if by_day:
        at = at.replace(hour=0)
    if kind in LASTING and draw(st.integers(0, 3)):
        until = at + timedelta(hours=draw(st.integers(1, 30)))
        if draw(st.booleans()):
            until_on = until.date()
            until = until.replace(hour=0) + timedelta(days=1)
    quantity = None
    if kind is FactKind.RESTATEMENT:
        quantity = draw(quantities)
    elif kind is FactKind.PERFORMANCE:
        quantity = draw(st.none() | quantities)
    verdict = share = None
    if kind is FactKind.DETERMINATION:
        verdict = draw(st.sampled_from(Verdict))
        if verdict is Verdict.PARTLY_MET:
            share, quantity = draw(
                st.sampled_from([(Decimal("0.4"), None), (None, Decimal(6)), (None, None)])
            )
    return Fact(
        id=number,
        kind=kind,
        effective_at=at,
        effective_on=at.date() if by_day else None,
        until_at=until,
        until_on=until_on,
        tolls=kind is FactKind.SUSPENSION and draw(st.booleans()),
        quantity=quantity,
        verdict=verdict,
        share=share,
        is_final=verdict in {Verdict.PARTLY_MET, Verdict.NOT_MET} and draw(st.booleans()),
        due=_due_of(draw, kind),
        supersedes=supersedes,
        is_of_agreement=kind is FactKind.TERMINATION,
    )


def _due_of(draw: st.DrawFn, kind: FactKind) -> Due | None:
    if kind is FactKind.EXTENSION:
        # Without a date it is postponed.
        return draw(dues | dues | st.none())
    return draw(dues) if kind is FactKind.TRIGGER else None


@st.composite
def histories(draw: st.DrawFn, most: int = 6) -> list[tuple[Fact, datetime]]:
    """Facts, each with the instant at which it was recorded, in order of recording.

    Effects and recordings are drawn apart: facts come to light early, late and out of order.
    """
    recordings = sorted(draw(st.lists(hours, max_size=most)))
    return [
        (
            replace(draw(facts(number, tuple(range(1, number)))), recorded_at=hour(recorded)),
            hour(recorded),
        )
        for number, recorded in enumerate(recordings, start=1)
    ]
