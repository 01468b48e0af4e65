"""When a deadline begins, and what moves its beginning."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given

from compliance.domain.deadlines.beginnings import Beginning, beginning_of, proven
from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.deadlines.ledger import Entry, current_history, entry_of, ledger_delta
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Move, Terms
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Status
from tests.domain import strategies

ZONE = "Asia/Shanghai"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


RECORDED = utc("2026-02-01T00:00")


def due(day: str) -> Due:
    at = utc(day)
    return Due(due_on=at.date(), due_at=at, unmet_at=at, timezone=ZONE)


def beginning(**known: Any) -> Beginning:
    nothing: dict[str, Any] = {
        "binds_on": None,
        "starts_at": None,
        "agreement_began_on": None,
        "recorded_at": RECORDED,
        "timezone": ZONE,
        "due": due("2026-12-31"),
        "moves": (),
    }
    return beginning_of(**{**nothing, **known})


def stated(at: str) -> Beginning:
    return Beginning(at=utc(at), is_presumed=False)


def presumed(at: str) -> Beginning:
    return Beginning(at=utc(at), is_presumed=True)


def fact(pk: int, kind: FactKind, at: str, **more: Any) -> Fact:
    return Fact(id=pk, kind=kind, effective_at=utc(at), **more)


# What states the beginning


def test_its_own_day_decides_before_everything_else() -> None:
    known = {"starts_at": utc("2026-03-01"), "agreement_began_on": date(2026, 1, 1)}
    assert beginning(binds_on=date(2026, 4, 1), **known) == stated("2026-03-31T16:00")


def test_it_begins_with_its_agreement() -> None:
    assert beginning(agreement_began_on=date(2026, 1, 10)) == stated("2026-01-09T16:00")


def test_a_period_that_starts_before_its_agreement_begins_with_the_period() -> None:
    known = {"starts_at": utc("2025-01-01"), "agreement_began_on": date(2025, 6, 1)}
    assert beginning(**known) == stated("2025-01-01")


def test_a_period_that_starts_after_its_agreement_is_awaited_from_the_agreement_on() -> None:
    known = {"starts_at": utc("2026-06-01"), "agreement_began_on": date(2026, 1, 10)}
    assert beginning(**known) == stated("2026-01-09T16:00")


def test_a_period_without_a_date_of_the_agreement_begins_when_it_starts() -> None:
    assert beginning(starts_at=utc("2010-01-01")) == stated("2010-01-01")
    assert beginning(starts_at=utc("2026-06-01")) == stated("2026-02-01")


def test_without_any_date_the_beginning_is_presumed_when_it_is_recorded() -> None:
    assert beginning() == presumed("2026-02-01")
    assert beginning(due=None) == presumed("2026-02-01")


# What must have been binding


def test_nothing_begins_after_it_is_due() -> None:
    passed = due("2025-05-14T16:00")
    assert beginning(due=passed) == presumed("2025-05-14T16:00")
    assert beginning(due=passed, agreement_began_on=date(2026, 1, 1)) == presumed(
        "2025-05-14T16:00"
    )


def test_what_a_passed_event_made_due_began_with_that_event() -> None:
    moves = (Move(at=utc("2024-04-01"), due=due("2024-04-12"), reason=Reason.TRIGGERED),)
    assert beginning(due=None, moves=moves) == presumed("2024-04-01")
    assert beginning(due=None, moves=moves, agreement_began_on=date(2025, 1, 1)) == presumed(
        "2024-04-01"
    )


def test_an_event_before_the_agreement_does_not_make_it_begin_earlier() -> None:
    moves = (Move(at=utc("2024-04-01"), due=due("2026-12-31"), reason=Reason.TRIGGERED),)
    assert beginning(due=None, moves=moves, agreement_began_on=date(2025, 1, 1)) == stated(
        "2024-12-31T16:00"
    )


# What moves a presumed beginning


def test_an_earlier_fact_moves_a_presumed_beginning_and_its_retraction_moves_it_back() -> None:
    terms = Terms(RECORDED, None, ObligationKind.MAINTAIN, is_endless=True, is_start_presumed=True)
    violation = fact(1, FactKind.VIOLATION, "2025-03-05", until_at=utc("2025-03-08"))
    retraction = fact(2, FactKind.RETRACTION, "2025-03-05", supersedes=1)
    [first, second] = project(terms, [violation]).transitions
    assert (first.effective_at, first.status) == (utc("2025-03-05"), Status.UNMET)
    assert (second.effective_at, second.status) == (utc("2025-03-08"), Status.HOLDING)
    [only] = project(terms, [violation, retraction]).transitions
    assert (only.effective_at, only.status) == (RECORDED, Status.HOLDING)


def test_a_stated_beginning_is_not_moved_by_facts() -> None:
    terms = Terms(RECORDED, due("2026-12-31"))
    performed = fact(1, FactKind.PERFORMANCE, "2025-12-01")
    assert proven(terms, [performed]) == terms
    assert project(terms, [performed]).transitions[-1].effective_at == RECORDED


def test_a_performance_before_a_date_that_precedes_the_agreement_counts_when_it_happened() -> None:
    begins = beginning(due=due("2026-01-15"), agreement_began_on=date(2026, 6, 1))
    terms = Terms(begins.at, due("2026-01-15"), is_start_presumed=begins.is_presumed)
    [met] = project(terms, [fact(1, FactKind.PERFORMANCE, "2026-01-10")]).transitions
    assert (met.effective_at, met.status) == (utc("2026-01-10"), Status.MET)


@given(strategies.terms(), strategies.histories())
def test_a_presumed_beginning_is_not_after_any_effective_fact(
    terms: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [each for each, _ in history]
    presumed_terms = terms._replace(is_start_presumed=True)
    first = project(presumed_terms, facts).transitions[0].effective_at
    assert first <= min([terms.begins_at, *(each.effective_at for each in effective_facts(facts))])


# The ledger


def test_the_ledger_follows_a_beginning_in_both_directions_and_comes_to_rest() -> None:
    now = utc("2026-08-01")
    entries: list[Entry] = []
    for step, begins in enumerate(("2026-01-01", "2026-06-01", "2026-03-01", "2026-07-01")):
        terms = Terms(utc(begins), due("2026-07-15"))
        expected = project(terms, ()).until(now)
        recorded_at = now.replace(day=2 + step)
        entries += [entry_of(each, recorded_at) for each in ledger_delta(entries, expected)]
        assert ledger_delta(entries, expected) == ()
        history = current_history(entries)
        assert history[-1].status is Status.UNMET
        states = [(each.effective_at, each.status, each.reason) for each in history[-2:]]
        assert states[0] == (utc(begins), Status.PENDING, Reason.AGREED)
    assert (history[0].effective_at, history[0].status, history[0].reason) == (
        utc("2026-01-01"),
        Status.DORMANT,
        Reason.NOT_BINDING,
    )


def test_the_ledger_of_a_deadline_that_turns_out_not_to_have_begun_says_so() -> None:
    now = utc("2026-02-01")
    past = project(Terms(utc("2026-01-01"), due("2026-07-15")), ()).until(now)
    entries = [entry_of(each, utc("2026-01-01")) for each in past]
    delta = ledger_delta(entries, ())
    assert [(each.effective_at, each.reason) for each in delta] == [
        (utc("2026-01-01"), Reason.NOT_BINDING)
    ]
    entries += [entry_of(each, now) for each in delta]
    assert ledger_delta(entries, ()) == ()
