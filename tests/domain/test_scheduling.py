"""Which deadlines an obligation needs, and the terms of each, from plain values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from compliance.domain.deadlines.components import Part
from compliance.domain.deadlines.due_changes import DatedFact, due_date_changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.outlying_dates import due_after_end, due_before_beginning
from compliance.domain.deadlines.period_starts import NO_DATE
from compliance.domain.deadlines.recorded_dues import extended_due, triggered_due
from compliance.domain.deadlines.rule_checks import (
    MOST_DEADLINES,
    Horizon,
    check_rules,
    horizon_of,
)
from compliance.domain.deadlines.scheduling import ScheduledTerms, wanted_deadlines
from compliance.domain.deadlines.snapshots import ObligationSnapshot, StoredDeadline
from compliance.domain.deadlines.sources import ComponentSource, DeadlineSource, Source
from compliance.domain.deadlines.stored_changes import Change, change_of
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import DueRule, parse_due_rule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.grace_periods import Grace, GraceUnit
from compliance.domain.due_dates.periods import Event
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, RollUp

ZONE = "Asia/Shanghai"
MONTHLY = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": "2026-02-15"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


NOW = utc("2026-02-01T00:00")


def until(day: date) -> Horizon:
    """The deadlines of recurrences until a day."""
    return Horizon(today=NOW.date(), until=day)


AHEAD = until(date(2028, 2, 1))


def rule(**fields: Any) -> DueRule:
    return parse_due_rule(fields)


def after(count: int, *, unit: str = "days", **anchor: str) -> DueRule:
    """Due so many days after something."""
    return rule(type="offset", **{"from": anchor}, count=count, unit=unit)


def on_event(count: int, *, unit: str = "days", **event: str) -> DueRule:
    """Due so many days after what activates it."""
    return rule(type="trigger", on=event, then={"count": count, "unit": unit})


def due_on(day: str) -> Due:
    """Due by the end of a day in Shanghai."""
    on = date.fromisoformat(day)
    end = datetime(on.year, on.month, on.day, 16, tzinfo=UTC)
    return Due(due_on=on, due_at=end, unmet_at=end, timezone=ZONE)


def source(day: str, *facts: Fact, **more: Any) -> DeadlineSource:
    """A deadline that others are counted from."""
    terms = Terms(begins_at=utc("2026-01-01T00:00"), due=due_on(day))
    return DeadlineSource(terms=terms, facts=facts, timezone=ZONE, **more)


def fact(pk: int, kind: FactKind, at: str, **more: Any) -> Fact:
    return Fact(id=pk, kind=kind, effective_at=utc(at), **more)


def obligation(
    due: DueRule | None = None,
    *,
    milestones: Mapping[str, Event | None] | None = None,
    grace: Grace | None = None,
    sources: Mapping[str, Source] | None = None,
    timezone: str | None = ZONE,
    **more: Any,
) -> ObligationSnapshot:
    """An obligation in Shanghai; each of its sources has one deadline."""
    context = ResolutionContext(timezone=timezone, milestones=milestones or {}, grace=grace)
    numbered = {ref: {1: each} for ref, each in (sources or {}).items()}
    values = {"recorded_at": NOW, "due": due, "context": context, "sources": numbered, **more}
    return ObligationSnapshot(**values)


def scheduled(snapshot: ObligationSnapshot, *, as_of: datetime = NOW) -> ScheduledTerms:
    """The terms of the only deadline of an obligation."""
    [(number, terms)] = wanted_deadlines(snapshot, as_of=as_of, horizon=AHEAD).items()
    assert number == 1
    return terms


# Dates


def test_a_date_yields_one_deadline_that_begins_with_the_agreement() -> None:
    due = rule(type="date", on="2026-03-15")
    terms = scheduled(obligation(due, agreement_began_on=date(2026, 1, 10)))
    assert terms.due == due_on("2026-03-15")
    assert terms.begins_at == utc("2026-01-09T16:00")
    assert (terms.moves, terms.fact_dues, terms.starts_at) == ((), {}, None)
    assert terms.trace[-1] == "End of 2026-03-15, a Sunday, in Asia/Shanghai: 2026-03-15T16:00Z."


def test_without_dates_of_the_agreement_a_deadline_begins_when_it_is_recorded() -> None:
    due = rule(type="date", on="2026-03-15")
    recorded_at = utc("2026-01-20T08:00")
    terms = scheduled(obligation(due, recorded_at=recorded_at))
    assert (terms.begins_at, terms.is_start_presumed) == (recorded_at, True)


def test_no_deadline_begins_after_it_is_due() -> None:
    due = rule(type="date", on="2025-05-14")
    assert scheduled(obligation(due)).begins_at == utc("2025-05-14T16:00")


FROM_JANUARY = {**MONTHLY, "start": "2026-01-15"}


@pytest.mark.parametrize("began", ["binds_on", "agreement_began_on"])
def test_a_recurrence_yields_nothing_that_is_due_before_the_obligation_begins(began: str) -> None:
    stated: dict[str, Any] = {began: date(2026, 6, 1)}
    snapshot = obligation(rule(**FROM_JANUARY), **stated)
    wanted = wanted_deadlines(snapshot, as_of=NOW, horizon=until(date(2026, 8, 31)))
    assert {number: terms.due and terms.due.due_on for number, terms in wanted.items()} == {
        6: date(2026, 6, 15),
        7: date(2026, 7, 15),
        8: date(2026, 8, 15),
    }
    assert wanted[6].trace[0] == (
        "The earlier dates are left out: the obligation binds from 2026-06-01 on."
    )
    assert {terms.begins_at for terms in wanted.values()} == {utc("2026-05-31T16:00")}


def test_a_recurrence_starts_on_the_day_on_which_the_obligation_begins() -> None:
    snapshot = obligation(rule(**FROM_JANUARY), binds_on=date(2026, 6, 15))
    assert min(wanted_deadlines(snapshot, as_of=NOW, horizon=until(date(2026, 8, 31)))) == 6


def test_a_recurrence_keeps_an_early_date_about_which_something_is_recorded() -> None:
    stored = {5: StoredDeadline(has_facts=True), 4: StoredDeadline()}
    snapshot = obligation(rule(**FROM_JANUARY), binds_on=date(2026, 6, 1), stored=stored)
    wanted = wanted_deadlines(snapshot, as_of=NOW, horizon=until(date(2026, 6, 30)))
    assert set(wanted) == {5, 6}
    assert wanted[5].is_start_presumed


def test_a_recurrence_without_a_stated_beginning_yields_all_of_its_dates() -> None:
    wanted = wanted_deadlines(
        obligation(rule(**FROM_JANUARY)), as_of=NOW, horizon=until(date(2026, 3, 31))
    )
    assert set(wanted) == {1, 2, 3}


def test_a_date_before_the_stated_beginning_is_kept_with_a_warning() -> None:
    due = rule(type="date", on="2026-03-15")
    terms = scheduled(obligation(due, binds_on=date(2026, 6, 1)))
    assert (terms.begins_at, terms.is_start_presumed) == (utc("2026-03-15T16:00"), True)
    assert (utc("2026-03-15T16:00"), due_before_beginning(date(2026, 6, 1))) in terms.warnings


def test_a_date_after_the_end_of_the_agreement_has_a_warning() -> None:
    due = rule(type="date", on="2026-03-16")
    for ends_on, is_after in ((date(2026, 3, 15), True), (date(2026, 3, 16), False)):
        context = ResolutionContext(timezone=ZONE, ends_on=ends_on)
        terms = scheduled(ObligationSnapshot(recorded_at=NOW, due=due, context=context))
        warning = (utc("2026-03-16T16:00"), due_after_end(ends_on))
        assert (warning in terms.warnings) is is_after


def test_an_obligation_to_achieve_without_a_rule_has_no_deadline() -> None:
    assert wanted_deadlines(obligation(), as_of=NOW, horizon=AHEAD) == {}


def test_an_obligation_to_refrain_without_a_rule_has_a_deadline_without_an_end() -> None:
    terms = scheduled(obligation(kind=ObligationKind.REFRAIN))
    assert (terms.due, terms.timezone, terms.trace) == (None, ZONE, ())


def test_a_grace_period_is_part_of_the_due_date() -> None:
    due = rule(type="date", on="2026-03-15")
    terms = scheduled(obligation(due, grace=Grace(count=2, unit=GraceUnit.DAYS)))
    assert terms.due is not None
    assert terms.due.unmet_at == utc("2026-03-17T16:00")


def test_a_rule_that_cannot_be_resolved_is_reported_at_its_field() -> None:
    skipped = rule(type="date", on="2026-03-29", time="02:30", timezone="Europe/Berlin")
    with pytest.raises(Invalid, match=r"due/time: .* does not exist in Europe/Berlin"):
        scheduled(obligation(skipped))
    with pytest.raises(Invalid, match="due/timezone: The obligors are in different time zones"):
        scheduled(obligation(rule(type="date", on="2026-03-15"), timezone=None))


# Milestones


def test_a_deadline_counted_from_a_milestone_is_dormant_until_that_has_a_date() -> None:
    due = after(30, milestone="signing")
    dormant = scheduled(obligation(due, milestones={"signing": None}))
    assert (dormant.due, dormant.moves) == (None, ())
    assert dormant.trace == ("Dormant until the milestone signing has a date.",)
    dated = scheduled(obligation(due, milestones={"signing": Event(on=date(2026, 2, 10))}))
    assert dated.due == due_on("2026-03-12")


def test_a_trigger_on_a_milestone_takes_effect_when_the_day_begins() -> None:
    due = on_event(10, milestone="signing")
    terms = scheduled(obligation(due, milestones={"signing": Event(on=date(2026, 2, 10))}))
    assert terms.due is None
    assert terms.moves == (
        Move(at=utc("2026-02-09T16:00"), due=due_on("2026-02-20"), reason=Reason.TRIGGERED),
    )
    assert terms.trace[0] == "Triggered at 2026-02-09 16:00Z."


# Triggers on other obligations


def test_a_trigger_on_a_performance_counts_from_its_day_in_the_zone_of_the_source() -> None:
    # 16:00 UTC is the start of the next day in Shanghai, so only that day is known.
    done = fact(1, FactKind.PERFORMANCE, "2026-03-09T16:00", effective_on=date(2026, 3, 10))
    terms = scheduled(
        obligation(on_event(10, met="A"), sources={"A": source("2026-03-15", done)}),
        as_of=utc("2026-03-12T00:00"),
    )
    [move] = terms.moves
    assert move == Move(
        at=utc("2026-03-09T16:00"), due=due_on("2026-03-20"), reason=Reason.TRIGGERED
    )


def test_a_trigger_in_hours_counts_from_the_instant() -> None:
    done = fact(1, FactKind.PERFORMANCE, "2026-03-10T20:30")
    snapshot = obligation(
        on_event(48, unit="hours", met="A"), sources={"A": source("2026-03-15", done)}
    )
    [move] = scheduled(snapshot, as_of=utc("2026-03-12T00:00")).moves
    assert move.due is not None
    assert move.due.due_at == utc("2026-03-12T20:30")


def test_a_performance_known_by_its_day_counts_from_that_day_in_every_zone() -> None:
    # The 10th begins in Shanghai while it is still the 9th in New York.
    done = fact(1, FactKind.PERFORMANCE, "2026-03-09T16:00", effective_on=date(2026, 3, 10))
    then = {"count": 1, "unit": "days", "timezone": "America/New_York"}
    due = rule(type="trigger", on={"met": "A"}, then=then)
    snapshot = obligation(due, sources={"A": source("2026-03-15", done)})
    [move] = scheduled(snapshot, as_of=utc("2026-03-12T00:00")).moves
    assert move.due is not None
    assert move.due.due_on == date(2026, 3, 11)


@pytest.mark.parametrize(("as_of", "is_active"), [("2026-03-15T15:59", 0), ("2026-03-15T16:00", 1)])
def test_a_trigger_on_a_breach_waits_until_the_breach_occurs(as_of: str, is_active: int) -> None:
    snapshot = obligation(on_event(10, breach_of="A"), sources={"A": source("2026-03-15")})
    terms = scheduled(snapshot, as_of=utc(as_of))
    assert len(terms.moves) == is_active
    if is_active:
        # Missed as the 15th ends, so at the first instant of the 16th.
        assert terms.moves[0].due == due_on("2026-03-26")
    else:
        assert terms.trace == ("Dormant until A is breached.",)


def test_facts_about_a_source_recorded_after_the_given_instant_count() -> None:
    done = fact(1, FactKind.PERFORMANCE, "2026-03-10T20:30")
    known = source("2026-03-15", done, recorded_at=utc("2026-03-12T00:00"))
    unknown = source("2026-03-15", done)
    as_of = utc("2026-03-01T00:00")
    assert scheduled(obligation(on_event(1, met="A"), sources={"A": known}), as_of=as_of).moves
    terms = scheduled(obligation(on_event(1, met="A"), sources={"A": unknown}), as_of=as_of)
    assert terms.moves == ()


def test_a_trigger_on_an_obligation_without_a_deadline_yields_none() -> None:
    snapshot = ObligationSnapshot(recorded_at=NOW, due=on_event(1, met="A"), sources={"A": {}})
    assert wanted_deadlines(snapshot, as_of=NOW, horizon=AHEAD) == {}


def test_a_trigger_can_count_from_another_deadline_than_the_one_that_activates_it() -> None:
    then = {"type": "offset", "from": {"deadline": "B"}, "count": 5, "unit": "days"}
    due = rule(type="trigger", on={"breach_of": "A"}, then=then)
    sources = {"A": source("2026-03-01"), "B": source("2026-04-10")}
    [move] = scheduled(obligation(due, sources=sources), as_of=utc("2026-03-05T00:00")).moves
    assert move.due == due_on("2026-04-15")


# Deadlines that are counted from others


def test_a_deadline_is_counted_from_the_due_date_of_its_source() -> None:
    snapshot = obligation(after(5, deadline="A"), sources={"A": source("2026-03-10")})
    terms = scheduled(snapshot)
    assert (terms.due, terms.moves) == (due_on("2026-03-15"), ())


def test_an_extension_of_the_source_moves_the_dependent_when_it_takes_effect() -> None:
    extended = fact(1, FactKind.EXTENSION, "2026-03-08T10:00", due=due_on("2026-03-20"))
    snapshot = obligation(after(2, deadline="A"), sources={"A": source("2026-03-10", extended)})
    terms = scheduled(snapshot)
    assert terms.due == due_on("2026-03-12")
    assert terms.moves == (
        Move(
            at=utc("2026-03-08T10:00"),
            due=due_on("2026-03-22"),
            reason=Reason.RESCHEDULED,
            place=102,
        ),
    )
    assert "Moved with its anchor at 2026-03-08 10:00Z." in terms.trace


def test_a_performance_of_the_source_does_not_move_the_dependent() -> None:
    done = fact(1, FactKind.PERFORMANCE, "2026-03-01T00:00")
    snapshot = obligation(after(2, deadline="A"), sources={"A": source("2026-03-10", done)})
    assert scheduled(snapshot).moves == ()


def test_a_source_that_is_activated_gives_its_dependent_a_first_date() -> None:
    moved = Move(at=utc("2026-02-10T00:00"), due=due_on("2026-03-10"), reason=Reason.TRIGGERED)
    dormant = Terms(begins_at=utc("2026-01-01T00:00"), due=None, moves=(moved,))
    anchor = DeadlineSource(terms=dormant, facts=(), timezone=ZONE)
    terms = scheduled(obligation(after(2, deadline="A"), sources={"A": anchor}))
    assert terms.due is None
    assert terms.moves == (
        Move(at=utc("2026-02-10T00:00"), due=due_on("2026-03-12"), reason=Reason.TRIGGERED),
    )


@pytest.mark.parametrize(("is_suspended_too", "moves_to"), [(True, None), (False, "2026-04-09")])
def test_a_suspension_of_the_agreement_moves_the_dependent_only_once(
    is_suspended_too: bool, moves_to: str | None
) -> None:
    suspended = fact(
        1,
        FactKind.SUSPENSION,
        "2026-02-28T16:00",
        effective_on=date(2026, 3, 1),
        until_at=utc("2026-03-10T16:00"),
        until_on=date(2026, 3, 10),
        tolls=True,
        is_of_agreement=True,
    )
    anchor = source("2026-03-20", suspended, is_suspended_with_dependent=is_suspended_too)
    terms = scheduled(obligation(after(10, deadline="A"), sources={"A": anchor}))
    assert terms.due == due_on("2026-03-30")
    last = terms.moves[-1].due if terms.moves else None
    assert last == (due_on(moves_to) if moves_to else None)


def test_a_source_is_projected_only_when_it_is_needed() -> None:
    broken = source("2026-03-10", fact(1, FactKind.RESTATEMENT, "2026-03-01T00:00"))
    assert scheduled(obligation(rule(type="date", on="2026-03-15"), sources={"A": broken})).due
    with pytest.raises(ValueError, match="Fact 1"):
        scheduled(obligation(after(1, deadline="A"), sources={"A": broken}))


# Recurrences


def test_a_recurrence_yields_its_dates_up_to_the_horizon_by_number() -> None:
    found = wanted_deadlines(
        obligation(rule(**MONTHLY)), as_of=NOW, horizon=until(date(2026, 5, 1))
    )
    assert {number: terms.due for number, terms in found.items()} == {
        1: due_on("2026-02-15"),
        2: due_on("2026-03-15"),
        3: due_on("2026-04-15"),
    }


@pytest.mark.parametrize("times", [1, 2])
def test_a_recurrence_has_the_deadlines_of_its_next_date_however_far_away_it_is(times: int) -> None:
    rare = {"type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=5", "start": "2031-01-15"}

    def days(today: str) -> list[str]:
        as_of = utc(today)
        found = wanted_deadlines(
            obligation(rule(**rare, times=times)), as_of=as_of, horizon=horizon_of(as_of, months=24)
        )
        return [str(terms.due.due_on) for terms in found.values() if terms.due]

    assert days("2026-02-01T00:00") == ["2031-01-15"] * times
    assert days("2031-01-14T00:00") == ["2031-01-15"] * times
    assert days("2031-01-15T00:00") == ["2031-01-15"] * times + ["2036-01-15"] * times


def test_a_recurrence_that_has_ended_has_no_next_date() -> None:
    ended = rule(**{**MONTHLY, "start": "2025-02-15"}, until="2025-12-31")
    assert len(wanted_deadlines(obligation(ended), as_of=NOW, horizon=AHEAD)) == 11


def test_a_recurrence_has_no_next_date_after_the_end_of_the_agreement() -> None:
    rare = rule(type="recurrence", rrule="FREQ=YEARLY;INTERVAL=5", start="2026-01-15")
    context = ResolutionContext(timezone=ZONE, ends_on=date(2030, 12, 31))
    snapshot = ObligationSnapshot(recorded_at=NOW, due=rare, context=context)
    assert set(wanted_deadlines(snapshot, as_of=NOW, horizon=AHEAD)) == {1}


def test_a_dependent_has_a_deadline_for_each_deadline_of_its_source() -> None:
    sources = {"A": {1: source("2026-03-10"), 4: source("2026-04-10")}}
    snapshot = ObligationSnapshot(
        recorded_at=NOW,
        due=after(5, deadline="A"),
        context=ResolutionContext(timezone=ZONE),
        sources=sources,
    )
    found = wanted_deadlines(snapshot, as_of=NOW, horizon=AHEAD)
    assert {number: terms.due for number, terms in found.items()} == {
        1: due_on("2026-03-15"),
        4: due_on("2026-04-15"),
    }


def test_a_second_source_without_that_number_counts_with_its_first_deadline() -> None:
    then = {"type": "offset", "from": {"deadline": "B"}, "count": 1, "unit": "days"}
    due = rule(type="trigger", on={"met": "A"}, then=then)
    done = fact(1, FactKind.PERFORMANCE, "2026-01-20T00:00")
    sources: dict[str, dict[int, Source]] = {
        "A": {2: source("2026-03-10", done)},
        "B": {1: source("2026-04-10")},
    }
    snapshot = ObligationSnapshot(
        recorded_at=NOW, due=due, context=ResolutionContext(timezone=ZONE), sources=sources
    )
    found = wanted_deadlines(snapshot, as_of=NOW, horizon=AHEAD)
    assert [terms.moves[0].due for terms in found.values()] == [due_on("2026-04-11")]
    assert list(found) == [2]


def test_a_recurrence_of_too_many_dates_is_refused() -> None:
    daily = rule(type="recurrence", rrule="FREQ=DAILY", start="2020-01-01")
    with pytest.raises(Invalid, match=f"due/rrule: This rule yields more than {MOST_DEADLINES}"):
        wanted_deadlines(obligation(daily), as_of=NOW, horizon=AHEAD)


@pytest.mark.parametrize(
    ("as_of", "months", "day"),
    [
        ("2026-02-01T00:00", 24, date(2028, 2, 1)),
        ("2026-12-31T23:00", 1, date(2027, 1, 28)),
        ("2024-02-29T00:00", 12, date(2025, 2, 28)),
    ],
)
def test_the_horizon_is_so_many_months_ahead(as_of: str, months: int, day: date) -> None:
    assert horizon_of(utc(as_of), months=months).until == day


# Facts that set dates


def extension(pk: int, due: DueRule) -> DatedFact:
    return DatedFact(id=pk, kind=FactKind.EXTENSION, effective_at=utc("2026-01-20T00:00"), due=due)


def test_an_extension_counted_from_a_milestone_moves_with_it() -> None:
    stored = StoredDeadline(dated_facts=(extension(7, after(60, milestone="m")),))
    for day, expected in (("2026-03-01", "2026-04-30"), ("2026-03-11", "2026-05-10")):
        terms = scheduled(
            obligation(
                rule(type="date", on="2026-03-15"),
                milestones={"m": Event(on=date.fromisoformat(day))},
                stored={1: stored},
            )
        )
        assert terms.fact_dues == {7: due_on(expected)}
        assert "Extension, fact 7." in terms.trace


def test_an_extension_without_a_date_any_more_keeps_its_last_one() -> None:
    stored = StoredDeadline(dated_facts=(extension(7, after(60, milestone="m")),))
    due = rule(type="date", on="2026-03-15")
    for milestones in ({"m": None}, {}):
        terms = scheduled(obligation(due, milestones=milestones, stored={1: stored}))
        assert terms.fact_dues == {}


def test_a_manual_trigger_gives_the_date_that_its_rule_counts_from_it() -> None:
    by_hand = DatedFact(
        id=3,
        kind=FactKind.TRIGGER,
        effective_at=utc("2026-01-29T16:00"),
        effective_on=date(2026, 1, 30),
    )
    stored = {1: StoredDeadline(dated_facts=(by_hand,))}
    snapshot = obligation(
        on_event(10, breach_of="A"), sources={"A": source("2026-03-15")}, stored=stored
    )
    assert scheduled(snapshot).fact_dues == {3: due_on("2026-02-09")}


def test_an_extension_without_a_zone_counts_in_that_of_the_rule() -> None:
    snapshot = obligation(
        rule(type="date", on="2026-03-15", timezone="America/New_York"), timezone=None
    )
    due = extended_due(snapshot, 1, rule(type="date", on="2026-03-20"), "UTC")
    assert due.due_at == utc("2026-03-21T04:00")


def test_an_extension_counts_in_the_zone_of_its_deadline_if_the_obligation_has_none() -> None:
    due = extended_due(
        obligation(rule(type="date", on="2026-03-15"), timezone=None),
        1,
        rule(type="date", on="2026-03-20"),
        "Europe/Berlin",
    )
    assert due.due_at == utc("2026-03-20T23:00")


def test_an_extension_to_an_unknown_date_is_refused() -> None:
    snapshot = obligation(rule(type="date", on="2026-03-15"), milestones={"m": None})
    with pytest.raises(Invalid, match="due/from: The event from which this counts has no date yet"):
        extended_due(snapshot, 1, after(1, milestone="m"), ZONE)


@pytest.mark.parametrize(
    "due", [rule(type="date", on="2026-03-15"), after(3, date="2026-03-15"), rule(**MONTHLY)]
)
def test_a_deadline_that_waits_for_no_event_cannot_be_triggered_by_hand(due: DueRule) -> None:
    with pytest.raises(Invalid, match="type: This deadline does not wait for an event"):
        triggered_due(obligation(due), 1, Event(on=date(2026, 1, 30)))


def test_a_deadline_that_waits_for_a_milestone_can_be_triggered_by_hand() -> None:
    snapshot = obligation(after(10, milestone="m"), milestones={"m": None})
    assert triggered_due(snapshot, 1, Event(on=date(2026, 1, 30))) == due_on("2026-02-09")


# Periods


def test_a_period_begins_when_the_day_of_its_start_ends_or_begins() -> None:
    starts = rule(type="date", on="2026-02-28")
    terms = scheduled(
        obligation(rule(type="date", on="2026-03-15"), kind=ObligationKind.MAINTAIN, starts=starts)
    )
    assert terms.starts_at == utc("2026-02-27T16:00")
    assert terms.trace[-1] == "The period begins at 2026-02-27 16:00Z."


@pytest.mark.parametrize(
    ("on", "precision", "first"),
    [
        ("2026-02-28", "month", "2026-01-31T16:00"),
        ("2026-03-31", "quarter", "2025-12-31T16:00"),
        ("2026-12-31", "year", "2025-12-31T16:00"),
    ],
)
def test_what_starts_in_a_month_quarter_or_year_starts_with_its_first_day(
    on: str, precision: str, first: str
) -> None:
    starts = rule(type="date", on=on, precision=precision)
    kept = obligation(
        rule(type="date", on="2027-03-15"), kind=ObligationKind.MAINTAIN, starts=starts
    )
    assert scheduled(kept).starts_at == utc(first)


def test_a_period_whose_start_has_no_date_does_not_begin() -> None:
    starts = after(5, milestone="m")
    endless = obligation(kind=ObligationKind.REFRAIN, starts=starts, milestones={"m": None})
    assert scheduled(endless).starts_at == NO_DATE
    ending = obligation(
        rule(type="date", on="2026-03-15"),
        kind=ObligationKind.MAINTAIN,
        starts=starts,
        milestones={"m": None},
    )
    assert scheduled(ending).starts_at == utc("2026-03-15T16:00")


def test_a_period_starts_after_the_latest_due_date_of_its_source() -> None:
    extended = fact(1, FactKind.EXTENSION, "2026-03-08T10:00", due=due_on("2026-03-20"))
    snapshot = obligation(
        kind=ObligationKind.MAINTAIN,
        starts=after(1, deadline="A"),
        sources={"A": source("2026-03-10", extended)},
    )
    assert scheduled(snapshot).starts_at == utc("2026-03-20T16:00")


# Components


def component(day: str, *facts: Fact) -> Part:
    return Part(timelines=(source(day, *facts).timeline,))


def test_each_change_of_the_components_is_a_move_of_the_parent() -> None:
    done = fact(1, FactKind.PERFORMANCE, "2026-03-05T00:00")
    parts = (component("2026-03-15", done), component("2026-03-15"))
    terms = scheduled(obligation(rule(type="date", on="2026-03-20"), components=Part(parts=parts)))
    moves = [(move.at, move.performed, move.target) for move in terms.moves]
    assert moves[:2] == [
        (utc("2026-01-01T00:00"), Decimal(0), Decimal(2)),
        (utc("2026-03-05T00:00"), Decimal(1), Decimal(2)),
    ]
    assert {move.reason for move in terms.moves} == {Reason.COMPONENT_DONE}
    assert {move.due for move in terms.moves} == {None}


def test_moves_of_an_anchor_and_of_components_are_in_order() -> None:
    extended = fact(1, FactKind.EXTENSION, "2026-02-20T10:00", due=due_on("2026-03-20"))
    done = fact(2, FactKind.PERFORMANCE, "2026-02-10T00:00")
    terms = scheduled(
        obligation(
            after(2, deadline="A"),
            sources={"A": source("2026-03-10", extended)},
            components=Part(parts=(component("2026-03-15", done),), rule=RollUp.ANY),
        )
    )
    instants = [move.at for move in terms.moves]
    assert instants == sorted(instants)
    assert Reason.RESCHEDULED in {move.reason for move in terms.moves}


def test_a_trigger_can_wait_for_the_components_of_an_obligation_without_a_deadline() -> None:
    done = fact(1, FactKind.PERFORMANCE, "2026-03-10T20:30")
    whole = ComponentSource(part=Part(parts=(component("2026-03-15", done),)), timezone=ZONE)
    snapshot = obligation(on_event(10, met="A"), sources={"A": whole})
    [move] = scheduled(snapshot, as_of=utc("2026-03-12T00:00")).moves
    assert move.due == due_on("2026-03-21")


def test_an_obligation_whose_components_have_no_deadlines_activates_nothing() -> None:
    whole = ComponentSource(part=Part(parts=(Part(),)), timezone=ZONE)
    for event in ({"met": "A"}, {"breach_of": "A"}):
        assert scheduled(obligation(on_event(10, **event), sources={"A": whole})).moves == ()


# Changes of stored deadlines


@pytest.mark.parametrize(
    ("is_closed", "is_withdrawn", "is_wanted", "differs", "keeps_closed", "change"),
    [
        (False, False, True, False, False, Change.KEEP),
        (False, False, True, True, False, Change.UPDATE),
        (False, False, True, True, True, Change.UPDATE),
        (True, False, True, True, False, Change.UPDATE),
        (True, False, True, True, True, Change.KEEP),
        (True, True, True, False, True, Change.UPDATE),
        (False, False, False, False, False, Change.WITHDRAW),
        (True, False, False, False, False, Change.WITHDRAW),
        (True, False, False, False, True, Change.KEEP),
        (True, True, False, False, False, Change.KEEP),
    ],
)
def test_a_stored_deadline_is_kept_updated_or_withdrawn(
    *,
    is_closed: bool,
    is_withdrawn: bool,
    is_wanted: bool,
    differs: bool,
    keeps_closed: bool,
    change: Change,
) -> None:
    stored = StoredDeadline(is_closed=is_closed, is_withdrawn=is_withdrawn)
    assert change is change_of(
        stored, is_wanted=is_wanted, has_other_terms=differs, keeps_closed=keeps_closed
    )


# Checks before anything is stored


def check(due: DueRule | None, starts: DueRule | None = None, **context: Any) -> None:
    check_rules(
        due=due,
        starts=starts,
        context=ResolutionContext(timezone=ZONE, **context),
        as_of=NOW,
        horizon=AHEAD,
    )


def test_a_rule_is_checked_with_an_assumed_date_for_undated_milestones() -> None:
    check(after(3, milestone="m"), milestones={"m": None})
    check(on_event(3, met="A"), after(3, deadline="A"), deadlines={"A": None})
    with pytest.raises(Invalid, match=r"due/count: .* Use a smaller count"):
        check(after(100_000, milestone="m"), milestones={"m": None})
    with pytest.raises(Invalid, match=r"starts/count: .* Use a smaller count"):
        check(None, after(100_000, deadline="A"), deadlines={"A": None})


@pytest.mark.parametrize(
    ("due", "problem"),
    [
        (on_event(1, milestone="x"), "due/on/milestone: There is no milestone x here"),
        (on_event(1, met="x"), "due/on/met: There is no obligation x here"),
        (on_event(1, breach_of="x"), "due/on/breach_of: There is no obligation x here"),
        (after(1, deadline="x"), "due/from/deadline: There is no deadline x here"),
    ],
)
def test_an_unknown_ref_is_refused_at_its_field(due: DueRule, problem: str) -> None:
    with pytest.raises(Invalid, match=f"^{problem}"):
        check(due)


def test_a_bad_start_is_refused_at_starts() -> None:
    with pytest.raises(Invalid, match=r"^starts/from/milestone: There is no milestone x here"):
        check(None, after(1, milestone="x"))


def test_due_dates_change_only_with_what_a_rule_is_counted_from() -> None:
    context = ResolutionContext(timezone=ZONE)
    other = {"A": source("2026-03-10")}
    first, changes = due_date_changes(
        rule(type="date", on="2026-03-15"), context, other, as_of=NOW + timedelta(days=365)
    )
    assert first is not None
    assert (first.due, changes) == (due_on("2026-03-15"), [])


def test_deadlines_keep_their_numbers_when_more_is_required_in_each_period() -> None:
    yearly = {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": "2026-12-31"}
    once = wanted_deadlines(obligation(rule(**yearly)), as_of=NOW, horizon=AHEAD)
    twice = wanted_deadlines(obligation(rule(**yearly, times=2)), as_of=NOW, horizon=AHEAD)
    assert {number: terms.due for number, terms in twice.items()} == {
        1: due_on("2026-12-31"),
        2001: due_on("2026-12-31"),
        2: due_on("2027-12-31"),
        2002: due_on("2027-12-31"),
    }
    assert {number: twice[number].due for number in once} == {
        number: terms.due for number, terms in once.items()
    }
