"""Recurrences that start with an event, and triggers for each event: from plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.due_changes import DatedFact, due_date_changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.numbers import (
    LARGEST_NUMBER,
    event_number,
    occurrence_number,
    series_number,
)
from compliance.domain.deadlines.rule_checks import Horizon
from compliance.domain.deadlines.scheduling import ScheduledTerms, wanted_deadlines
from compliance.domain.deadlines.snapshots import ObligationSnapshot, StoredDeadline
from compliance.domain.deadlines.sources import DeadlineSource, Source
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_rules import parse_due_rule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.periods import Event
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason

DAY = timedelta(days=1)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
BEGAN_ON = BEGINNING.date()
PENALTY = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": {"breach_of": "PAY"}}
CURE = {"type": "trigger", "on": {"breach_of": "PAY"}, "then": {"count": 10, "unit": "days"}}


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due_on(text: str) -> Due:
    end = day(text) + DAY
    return Due(due_on=date.fromisoformat(text), due_at=end, unmet_at=end, timezone="UTC")


def payment(due: str, *facts: Fact) -> DeadlineSource:
    """A payment that is due on a day."""
    terms = Terms(begins_at=BEGINNING, due=due_on(due))
    return DeadlineSource(terms=terms, facts=facts, timezone="UTC")


def secrecy(*facts: Fact) -> DeadlineSource:
    """An obligation to keep something secret, without an end."""
    terms = Terms(
        begins_at=BEGINNING, due=None, kind=ObligationKind.REFRAIN, starts_at=BEGINNING,
        is_endless=True,
    )  # fmt: skip
    return DeadlineSource(terms=terms, facts=facts, timezone="UTC")


def fact(pk: int, kind: FactKind, on: str, **more: Any) -> Fact:
    start = day(on)
    return Fact(
        id=pk, kind=kind, effective_at=start, effective_on=start.date(),
        recorded_at=datetime(2027, 1, pk, tzinfo=UTC), **more,
    )  # fmt: skip


def violation(pk: int, on: str, until: str, **more: Any) -> Fact:
    end = day(until)
    return fact(
        pk, FactKind.VIOLATION, on, until_at=end + DAY, until_on=end.date(), **more
    )  # fmt: skip


def wanted(
    rule: dict[str, Any],
    as_of: str,
    sources: Mapping[str, Mapping[int, Source]] | None = None,
    *,
    until: str = "2028-12-31",
    stored: Mapping[int, StoredDeadline] | None = None,
    agreement_began_on: date | None = BEGAN_ON,
    **context: Any,
) -> dict[int, ScheduledTerms]:
    """The deadlines of an obligation with this rule, in UTC."""
    snapshot = ObligationSnapshot(
        recorded_at=BEGINNING,
        agreement_began_on=agreement_began_on,
        due=parse_due_rule(rule),
        context=ResolutionContext(timezone="UTC", **context),
        sources=sources or {},
        stored=stored or {},
    )
    horizon = Horizon(today=day(as_of).date(), until=date.fromisoformat(until))
    return wanted_deadlines(snapshot, as_of=day(as_of), horizon=horizon)


def dues(found: Mapping[int, ScheduledTerms]) -> dict[int, str | None]:
    """The last due days of deadlines, by number."""
    last = {
        number: [terms.due, *(move.due for move in terms.moves)][-1]
        for number, terms in found.items()
    }
    return {number: str(due.due_on) if due else None for number, due in last.items()}


# Recurrences that start with a milestone


def test_reports_follow_entry_into_force_every_quarter() -> None:
    rule = {
        "type": "recurrence", "rrule": "FREQ=MONTHLY;INTERVAL=3",
        "start": {"from": {"milestone": "in-force"}, "count": 3, "unit": "months"},
    }  # fmt: skip
    waiting = wanted(rule, "2026-02-01", milestones={"in-force": None})
    assert dues(waiting) == {1: None}
    assert waiting[1].trace == ("Dormant until the milestone in-force happens.",)
    dated = wanted(
        rule, "2026-02-01", until="2027-01-31",
        milestones={"in-force": Event(on=date(2026, 3, 31))},
    )  # fmt: skip
    assert dues(dated) == {1: "2026-06-30", 2: "2026-09-30", 3: "2026-12-30"}
    assert dated[1].trace[:2] == (
        "3 months after 2026-03-31, first day not counted: 2026-06-30, a Tuesday, "
        "because that month has no day 31.",
        "It starts on 2026-06-30.",
    )


def test_the_first_report_four_years_after_an_event_has_a_deadline_at_once() -> None:
    rule = {
        "type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=4",
        "start": {"from": {"milestone": "first-report"}, "count": 4, "unit": "years"},
    }  # fmt: skip
    dated: Any = {"milestones": {"first-report": Event(on=date(2026, 6, 1))}}
    assert dues(wanted(rule, "2026-07-01", until="2028-07-01", **dated)) == {1: "2030-06-01"}


def test_a_rule_that_yields_too_many_dates_after_an_event_is_refused_not_cut_short() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=DAILY", "start": {"milestone": "m"}}
    dated: Any = {"milestones": {"m": Event(on=date(2026, 1, 1))}}
    with pytest.raises(Invalid) as refused:
        wanted(rule, "2026-02-01", until="2032-01-01", **dated)
    [problem] = refused.value.problems
    assert problem.path == "due/rrule"
    assert "more than 2000 dates up to 2032-01-01" in problem.detail
    assert len(wanted(rule, "2026-02-01", until="2026-12-31", **dated)) == 365


def test_a_corrected_milestone_moves_the_dates_and_keeps_their_numbers() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=YEARLY", "start": {"milestone": "m"}}
    for on in (date(2026, 3, 1), date(2026, 5, 1)):
        found = wanted(rule, "2026-02-01", milestones={"m": Event(on=on)})
        assert dues(found) == {n: str(on.replace(year=2025 + n)) for n in (1, 2, 3)}


def test_a_recurrence_after_a_milestone_ends_with_the_agreement() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": {"milestone": "m"}}
    milestones = {"m": Event(on=date(2026, 1, 15))}
    found = wanted(rule, "2026-02-01", milestones=milestones, ends_on=date(2026, 3, 15))
    assert dues(found) == {1: "2026-01-15", 2: "2026-02-15", 3: "2026-03-15"}
    earlier = {**rule, "until": "2026-02-28"}
    found = wanted(earlier, "2026-02-01", milestones=milestones, ends_on=date(2026, 3, 15))
    assert dues(found) == {1: "2026-01-15", 2: "2026-02-15"}


@given(
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.sampled_from(["FREQ=MONTHLY", "FREQ=WEEKLY;INTERVAL=2", "FREQ=YEARLY;BYMONTH=3,9"]),
    st.integers(0, 60),
    st.integers(1, 3),
)
def test_dates_after_a_milestone_agree_with_dateutil(
    happened: date, rrule: str, count: int, times: int
) -> None:
    start = {"from": {"milestone": "m"}, "count": count, "unit": "days"}
    rule = {"type": "recurrence", "rrule": rrule, "start": start, "times": times}
    milestones = {"m": Event(on=happened)}
    found = dues(wanted(rule, "2026-01-01", milestones=milestones, agreement_began_on=None))
    begins = datetime.combine(happened + count * DAY, datetime.min.time())
    theirs = rrulestr(f"{rrule};UNTIL=20281231", dtstart=begins)
    expected = {
        occurrence + 2000 * time: str(each.date())
        for occurrence, each in enumerate(theirs, start=1)
        for time in range(times)
    }
    assert found == (expected or dict.fromkeys([1]))


def test_dates_after_a_milestone_that_precede_the_agreement_are_left_out() -> None:
    rule = {"type": "recurrence", "rrule": "FREQ=MONTHLY", "start": {"milestone": "m"}}
    milestones = {"m": Event(on=date(2026, 1, 10))}
    began_on = date(2026, 3, 1)
    found = wanted(
        rule, "2026-04-01", until="2026-04-30", milestones=milestones, agreement_began_on=began_on
    )
    assert dues(found) == {3: "2026-03-10", 4: "2026-04-10"}


# Recurrences that start when an obligation is met


def test_reports_are_due_every_four_years_after_the_first_report() -> None:
    rule = {
        "type": "recurrence", "rrule": "FREQ=YEARLY;INTERVAL=4", "until": "2040-01-01",
        "start": {"from": {"met": "REPORT-1"}, "count": 4, "unit": "years"},
    }  # fmt: skip
    pending = {"REPORT-1": {1: payment("2026-06-30")}}
    assert dues(wanted(rule, "2026-06-01", pending)) == {1: None}
    met = {"REPORT-1": {1: payment("2026-06-30", fact(1, FactKind.PERFORMANCE, "2026-05-20"))}}
    found = wanted(rule, "2026-06-01", met, until="2039-12-31")
    assert dues(found) == {1: "2030-05-20", 2: "2034-05-20", 3: "2038-05-20"}
    assert found[1].moves[0].at == day("2026-05-20")
    assert found[1].moves[0].reason is Reason.TRIGGERED
    # Only the first one waits for the report; the others exist from then on.
    assert [terms.begins_at for terms in found.values()] == [
        BEGINNING, day("2026-05-20"), day("2026-05-20"),
    ]  # fmt: skip


# Recurrences that start with a breach


def test_a_daily_penalty_lasts_until_the_breach_is_cured() -> None:
    paid = fact(1, FactKind.PERFORMANCE, "2026-03-20")
    found = wanted(PENALTY, "2026-04-01", {"PAY": {1: payment("2026-03-15", paid)}})
    assert dues(found) == {1: "2026-03-16", 2: "2026-03-17", 3: "2026-03-18", 4: "2026-03-19"}


def test_a_penalty_on_a_breach_that_lasts_is_created_a_week_ahead() -> None:
    found = dues(wanted(PENALTY, "2026-03-20", {"PAY": {1: payment("2026-03-15")}}))
    assert list(found) == list(range(1, 14))
    assert found[13] == "2026-03-28"
    yearly = {**PENALTY, "rrule": "FREQ=YEARLY"}
    found = dues(wanted(yearly, "2026-03-20", {"PAY": {1: payment("2026-03-15")}}))
    assert found == {1: "2026-03-16", 2: "2027-03-16"}


def test_without_a_breach_the_first_penalty_waits() -> None:
    found = wanted(PENALTY, "2026-03-10", {"PAY": {1: payment("2026-03-15")}})
    assert dues(found) == {1: None}
    assert found[1].trace == ("Dormant until PAY is breached.",)


def test_each_deadline_of_a_recurring_source_has_dates_of_its_own() -> None:
    paid = fact(1, FactKind.PERFORMANCE, "2026-03-18")
    sources = {"PAY": {1: payment("2026-03-15", paid), 2: payment("2026-06-15")}}
    found = dues(wanted(PENALTY, "2026-05-01", sources))
    assert found == {1: "2026-03-16", 2: "2026-03-17", 80_001: None}


def test_each_breach_has_dates_of_its_own_if_the_rule_says_so() -> None:
    leaks = [violation(1, "2026-02-01", "2026-02-02"), violation(2, "2026-05-01", "2026-05-01")]
    sources = {"PAY": {1: secrecy(*leaks)}}
    assert dues(wanted(PENALTY, "2026-06-01", sources)) == {1: "2026-02-01", 2: "2026-02-02"}
    each = wanted({**PENALTY, "each": True}, "2026-06-01", sources)
    assert sorted(filter(None, dues(each).values())) == ["2026-02-01", "2026-02-02", "2026-05-01"]
    numbers = {due: number for number, due in dues(each).items()}
    earlier = violation(3, "2026-01-10", "2026-01-10")
    more = wanted({**PENALTY, "each": True}, "2026-06-01", {"PAY": {1: secrecy(*leaks, earlier)}})
    assert numbers.items() <= {due: number for number, due in dues(more).items()}.items()


def test_a_breach_that_ends_before_the_first_date_leaves_the_deadline_waiting() -> None:
    monthly = {**PENALTY, "rrule": "FREQ=MONTHLY;BYMONTHDAY=-1"}
    paid = fact(1, FactKind.PERFORMANCE, "2026-03-20")
    assert dues(wanted(monthly, "2026-04-01", {"PAY": {1: payment("2026-03-15", paid)}})) == {
        1: None
    }


@given(
    st.integers(0, 40),
    st.integers(1, 60),
    st.sampled_from([1, 2, 7]),
    st.sampled_from(["2026-01-20", "2026-02-28", "2026-12-31"]),
)
def test_a_penalty_covers_the_days_of_the_breach_counted_one_by_one(
    offset: int, length: int, interval: int, as_of: str
) -> None:
    began = day("2026-01-05") + offset * DAY
    paid_on = began + length * DAY
    source = payment(str((began - DAY).date()), fact(1, FactKind.PERFORMANCE, str(paid_on.date())))
    rule = {**PENALTY, "rrule": f"FREQ=DAILY;INTERVAL={interval}"}
    # A performance is known even if it is after the day of the question.
    source = replace(source, recorded_at=day("2027-06-01"))
    found = dues(wanted(rule, as_of, {"PAY": {1: source}}))
    expected = []
    each = began
    while each < paid_on:
        expected.append(str(each.date()))
        each += interval * DAY
    assert list(found.values()) == expected
    assert list(found) == list(range(1, len(expected) + 1))


# Triggers for each event


def cures(*facts: Fact, each: bool = True) -> dict[int, str | None]:
    rule = {**CURE, "each": each}
    return dues(wanted(rule, "2026-12-31", {"PAY": {1: secrecy(*facts)}}))


def test_every_breach_has_a_period_to_cure_it() -> None:
    first = violation(1, "2026-02-01", "2026-02-03")
    second = violation(2, "2026-05-01", "2026-05-02")
    assert cures(first, second, each=False) == {1: "2026-02-11"}
    assert cures(first, second) == {1: "2026-02-11", 1_000_001: "2026-05-11"}
    assert cures() == {1: None}


def test_a_breach_found_later_that_came_before_does_not_renumber_the_others() -> None:
    second = violation(1, "2026-05-01", "2026-05-02")
    first = violation(2, "2026-02-01", "2026-02-03")
    assert cures(second) == {1: "2026-05-11"}
    assert cures(second, first) == {1: "2026-05-11", 1_000_001: "2026-02-11"}


def test_a_corrected_breach_keeps_its_number_and_a_retracted_one_frees_none() -> None:
    first = violation(1, "2026-02-01", "2026-02-03")
    second = violation(2, "2026-05-01", "2026-05-02")
    corrected = violation(3, "2026-06-01", "2026-06-02", supersedes=1)
    assert cures(first, second, corrected) == {1: "2026-06-11", 1_000_001: "2026-05-11"}
    retracted = fact(4, FactKind.RETRACTION, "2026-02-01", supersedes=1)
    assert cures(first, second, retracted) == {1: None, 1_000_001: "2026-05-11"}


def test_a_due_date_missed_again_after_an_extension_is_another_breach() -> None:
    missed = payment(
        "2026-02-01",
        fact(1, FactKind.EXTENSION, "2026-02-10", due=due_on("2026-03-01")),
    )
    found = dues(wanted({**CURE, "each": True}, "2026-12-31", {"PAY": {1: missed}}))
    assert found == {1: "2026-02-12", 1_000_001: "2026-03-12"}


def moved_payment(*extensions: Fact) -> DeadlineSource:
    """A payment that is due one day after another deadline, which has these extensions."""
    anchor = payment("2026-02-01", *extensions)
    rule = parse_due_rule({"type": "offset", "from": {"deadline": "A"}, "count": 1, "unit": "days"})
    first, changes = due_date_changes(
        rule, ResolutionContext(timezone="UTC"), {"A": anchor}, as_of=day("2026-12-31")
    )
    assert first is not None
    moves = [
        Move(
            at=each.at, due=each.resolved.due if each.resolved else None, reason=each.reason,
            place=each.place,
        )
        for each in changes
    ]  # fmt: skip
    terms = Terms(begins_at=BEGINNING, due=first.due, moves=tuple(moves))
    return DeadlineSource(terms=terms, facts=(), timezone="UTC")


def test_a_due_date_missed_again_after_its_anchor_moved_is_another_breach() -> None:
    def extension(pk: int, on: str, due: str, **more: Any) -> Fact:
        return fact(pk, FactKind.EXTENSION, on, due=due_on(due), **more)

    def cured(*extensions: Fact) -> dict[int, str | None]:
        source = moved_payment(*extensions)
        return dues(wanted({**CURE, "each": True}, "2026-12-31", {"PAY": {1: source}}))

    first = extension(1, "2026-02-10", "2026-03-01")
    second = extension(2, "2026-03-10", "2026-04-01")
    once = cured(first)
    assert sorted(filter(None, once.values())) == ["2026-02-13", "2026-03-13"]
    assert once[1] == "2026-02-13"
    twice = cured(first, second)
    assert once.items() <= twice.items()
    assert len(twice) == 3
    # The others keep their numbers when one is retracted.
    left = cured(first, second, fact(3, FactKind.RETRACTION, "2026-02-10", supersedes=1))
    assert left.items() <= twice.items()
    assert len(left) == 2


def triggered(pk: int, on: str) -> StoredDeadline:
    """A stored deadline with a fact that triggers it."""
    trigger = DatedFact(
        id=pk, kind=FactKind.TRIGGER, effective_at=day(on), effective_on=date.fromisoformat(on)
    )
    return StoredDeadline(dated_facts=(trigger,))


def test_every_recorded_invoice_has_a_deadline_and_another_one_waits() -> None:
    rule = {
        "type": "trigger", "on": {"milestone": "invoice"}, "each": True,
        "then": {"count": 30, "unit": "days"},
    }  # fmt: skip
    nothing = wanted(rule, "2026-02-01", milestones={"invoice": None})
    assert dues(nothing) == {1: None}
    stored = {1: triggered(7, "2026-02-02"), 2: triggered(8, "2026-01-05"), 3: StoredDeadline()}
    found = wanted(rule, "2026-03-01", milestones={"invoice": None}, stored=stored)
    assert list(found) == [1, 2, 3]
    assert [str(due.due_on) for terms in found.values() for due in terms.fact_dues.values()] == [
        "2026-03-04",
        "2026-02-04",
    ]
    dated = wanted(rule, "2026-03-01", milestones={"invoice": Event(on=date(2026, 1, 1))})
    assert dues(dated) == {1: "2026-01-31", 2: None}


# Numbers


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2000), st.integers(1, 20), st.integers(1, 300), st.integers(1, 100)
        ),
        unique=True,
    )
)
def test_no_two_deadlines_have_the_same_number(
    keys: Sequence[tuple[int, int, int, int]],
) -> None:
    numbers = []
    for occurrence, time, source, place in keys:
        series = series_number(source=source, place=place)
        if series is not None:
            number = occurrence_number(occurrence=occurrence, time=time, series=series)
            assert number is not None
            assert 1 <= number <= LARGEST_NUMBER
            numbers.append(number)
    assert len(set(numbers)) == len(numbers)


def test_numbers_that_cannot_be_stored_are_not_given() -> None:
    assert event_number(source=2_000_000, place=2) is None
    assert event_number(source=1, place=3000) is None
    assert series_number(source=40_000, place=1) is None
    assert occurrence_number(occurrence=1, series=60_000) is None


@pytest.mark.parametrize("start", ["2026-01-01", {"milestone": "m"}, {"met": "A"}])
def test_only_breaches_start_several_series(start: object) -> None:
    with pytest.raises(ValueError, match="Only a recurrence that starts with a breach"):
        parse_due_rule({"type": "recurrence", "rrule": "FREQ=DAILY", "start": start, "each": True})
