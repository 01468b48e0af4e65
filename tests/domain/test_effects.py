"""Whether a fact changes its timeline, and the sentence that says why it does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given

from compliance.domain.deadlines.effects import position_without_effect, without_effect
from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.deadlines.positions import Position
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import FactKind, ObligationKind, Verdict
from tests.domain import strategies


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def due(day: str) -> Due:
    at = utc(day)
    return Due(due_on=at.date(), due_at=at, unmet_at=at, timezone="UTC")


def fact(pk: int, kind: str, at: str, **more: Any) -> Fact:
    recorded_at = utc("2026-01-01").replace(minute=pk)
    values: dict[str, Any] = {"recorded_at": recorded_at, **more}
    return Fact(id=pk, kind=FactKind(kind), effective_at=utc(at), **values)


ACHIEVE = Terms(utc("2025-01-01"), due("2025-07-01"))
MAINTAIN = Terms(
    utc("2025-01-01"), due("2026-01-01"), ObligationKind.MAINTAIN, starts_at=utc("2025-02-01")
)
ENDLESS = Terms(utc("2025-01-01"), None, ObligationKind.REFRAIN, is_endless=True)


def why(terms: Terms, *facts: Fact) -> str | None:
    """Return what is said about the last of these facts."""
    return without_effect(terms, facts, facts[-1], timezone="UTC")


def test_a_fact_that_changes_the_timeline_needs_no_explanation() -> None:
    assert why(ACHIEVE, fact(1, "performance", "2025-03-01")) is None
    assert why(ACHIEVE, fact(1, "extension", "2025-03-01", due=due("2025-08-01"))) is None
    assert why(ENDLESS, fact(1, "violation", "2025-03-01", until_at=utc("2025-03-02"))) is None
    assert why(ACHIEVE, fact(1, "waiver", "2026-03-01")) is None


def test_a_performance_before_the_beginning_counts() -> None:
    assert why(ACHIEVE, fact(1, "performance", "2024-12-01")) is None


def test_a_finding_that_confirms_the_status_is_an_effect() -> None:
    finding = fact(1, "determination", "2025-08-01", verdict=Verdict.NOT_MET)
    assert why(ACHIEVE, finding) is None


def test_a_violation_that_ended_before_the_obligation_binds() -> None:
    violation = fact(1, "violation", "2024-03-01", until_at=utc("2024-03-05"))
    assert why(ENDLESS, violation) == (
        "The violation changes nothing: it ended on 5 March 2024, but the obligation binds from "
        "1 January 2025."
    )
    early = fact(1, "violation", "2025-01-10", until_at=utc("2025-01-12"))
    assert why(MAINTAIN, early) == (
        "The violation changes nothing: it ended on 12 January 2025, but the obligation binds from "
        "1 February 2025."
    )


def test_a_violation_of_which_a_part_precedes_the_obligation() -> None:
    violation = fact(1, "violation", "2024-03-01", until_at=utc("2025-03-05"))
    assert why(ENDLESS, violation) == (
        "The violation counts only from 1 January 2025, when the obligation began to bind."
    )
    assert why(MAINTAIN, fact(1, "violation", "2025-01-10")) == (
        "The violation counts only from 1 February 2025, when its period began."
    )


def test_a_violation_after_the_period() -> None:
    assert why(MAINTAIN, fact(1, "violation", "2026-03-01")) == (
        "The violation changes nothing: its period had ended on 1 January 2026."
    )


def test_what_follows_the_closure() -> None:
    done = fact(1, "performance", "2025-03-01")
    for kind in ("performance", "waiver", "cancellation", "suspension"):
        assert why(ACHIEVE, done, fact(2, kind, "2025-04-01")) == (
            f"The {kind} changes nothing: the deadline was closed (met) on 1 March 2025 by fact 1, "
            "and nothing later counts."
        )


def test_a_finding_on_the_day_of_the_closure() -> None:
    waived = fact(1, "waiver", "2025-03-01")
    for found_on, rest in (
        ("2025-03-01", "which prevails on that day"), ("2025-03-02", "and nothing later counts"),
    ):  # fmt: skip
        found = replace(fact(2, "determination", found_on), verdict=Verdict.NOT_MET)
        assert why(ACHIEVE, waived, found) == (
            "The determination changes nothing: the deadline was closed (waived) on 1 March 2025 "
            f"by fact 1, {rest}."
        )


def test_a_finding_at_a_later_hour_of_the_day_of_the_closure() -> None:
    waived = fact(1, "waiver", "2025-03-01T10:00")
    found = fact(2, "determination", "2025-03-01T12:00", verdict=Verdict.NOT_MET)
    assert why(ACHIEVE, waived, found) == (
        "The determination changes nothing: the deadline was closed (waived) on 1 March 2025 "
        "by fact 1, and nothing later counts."
    )


def test_a_violation_during_a_suspension() -> None:
    suspension = fact(1, "suspension", "2025-03-01", until_at=utc("2025-05-01"))
    violation = fact(2, "violation", "2025-03-10", until_at=utc("2025-03-12"))
    assert why(ENDLESS, suspension, violation) == (
        "The violation changes nothing: the deadline was suspended then by fact 1."
    )


def test_an_extension_that_another_one_overrides() -> None:
    later = fact(1, "extension", "2025-04-01", due=due("2025-10-01"))
    earlier = fact(2, "extension", "2025-03-01", due=due("2025-09-01"))
    assert why(ACHIEVE, later, earlier) == (
        "The extension changes nothing after 1 April 2025: the extension of 1 April 2025 (fact 1) "
        "prevails."
    )
    same_time = fact(2, "extension", "2025-04-01", due=due("2025-09-01"))
    assert why(ACHIEVE, later, same_time) == (
        "The extension changes nothing: the extension of 1 April 2025 (fact 1) prevails."
    )


def test_extensions_that_were_recorded_in_their_order_override_nothing_unexpectedly() -> None:
    first = fact(1, "extension", "2025-03-01", due=due("2025-09-01"))
    second = fact(2, "extension", "2025-04-01", due=due("2025-10-01"))
    assert why(ACHIEVE, first, second) is None
    assert without_effect(ACHIEVE, [first, second], first, timezone="UTC") is None


def test_an_extension_to_the_same_date() -> None:
    assert why(ACHIEVE, fact(1, "extension", "2025-03-01", due=due("2025-07-01"))) == (
        "The extension changes nothing: it is already due on 1 July 2025."
    )


def test_a_restatement_to_the_same_target() -> None:
    terms = ACHIEVE._replace(target_quantity=Decimal(10))
    assert why(terms, fact(1, "restatement", "2025-03-01", quantity=Decimal(10))) == (
        "The restatement changes nothing: the target is already that quantity."
    )


def test_a_part_that_a_later_finding_limits() -> None:
    terms = ACHIEVE._replace(target_quantity=Decimal(10))
    finding = fact(1, "determination", "2025-03-01", verdict=Verdict.NOT_MET)
    part = fact(2, "performance", "2025-02-01", quantity=Decimal(4))
    assert why(terms, finding, part) == (
        "The performance changes nothing: the determination of 1 March 2025 (fact 1) prevails."
    )


def test_an_undetermined_finding() -> None:
    finding = fact(1, "determination", "2025-03-01", verdict=Verdict.UNDETERMINED)
    assert why(ACHIEVE, finding) == (
        "The determination changes nothing: an undetermined finding leaves the status as it is."
    )


def test_the_retraction_of_a_fact_without_effect() -> None:
    done = fact(1, "performance", "2025-03-01")
    again = fact(2, "performance", "2025-04-01")
    retraction = fact(3, "retraction", "2025-04-01", supersedes=2)
    assert why(ACHIEVE, done, again, retraction) == (
        "The retraction changes nothing: fact 2 had no effect either."
    )
    assert why(ACHIEVE, done, fact(3, "retraction", "2025-03-01", supersedes=1)) is None


def test_the_retraction_of_the_fact_that_moved_a_presumed_beginning() -> None:
    terms = ENDLESS._replace(is_start_presumed=True)
    violation = fact(1, "violation", "2024-03-01", until_at=utc("2024-03-05"))
    assert why(terms, violation) is None
    assert why(terms, violation, fact(2, "retraction", "2024-03-01", supersedes=1)) is None


def test_a_correction_to_a_fact_without_effect() -> None:
    violation = fact(1, "violation", "2025-03-01", until_at=utc("2025-03-05"))
    corrected = fact(2, "violation", "2024-03-01", until_at=utc("2024-03-05"), supersedes=1)
    assert why(ENDLESS, violation, corrected) is not None
    repeated = fact(2, "violation", "2025-03-01", until_at=utc("2025-03-05"), supersedes=1)
    assert why(ENDLESS, violation, repeated) is None


def test_a_withdrawn_deadline() -> None:
    terms = ACHIEVE._replace(is_withdrawn=True)
    assert why(terms, fact(1, "performance", "2025-03-01")) == (
        "The performance changes nothing: the corrected due rule no longer requires this deadline."
    )


def test_a_day_is_named_in_the_zone_of_the_deadline() -> None:
    late = fact(1, "violation", "2024-03-01", until_at=utc("2024-03-05T16:00"))
    sentence = without_effect(ENDLESS, [late], late, timezone="Asia/Shanghai")
    assert sentence is not None
    assert "ended on 6 March 2024" in sentence


@given(strategies.terms(), strategies.histories())
def test_a_fact_is_explained_if_and_only_if_the_statuses_are_the_same_without_it(
    terms: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [each for each, _ in history]
    effective = effective_facts(facts)
    for each in effective:
        others = [other for other in effective if other.id != each.id]
        is_same = _statuses(terms, effective) == _statuses(terms, others)
        sentence = without_effect(terms, facts, each, timezone="UTC")
        if sentence is None:
            assert not is_same or _reasons(terms, effective) != _reasons(terms, others)
        elif "changes nothing:" in sentence:
            assert is_same
            assert sentence.endswith(".")


def _statuses(terms: Terms, facts: list[Fact]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for each in project(terms, facts).transitions:
        state = (each.status, each.due, each.performed, each.target, each.accepted_share)
        if not found or found[-1][1:] != state:
            found.append((each.effective_at, *state))
    return found


def _reasons(terms: Terms, facts: list[Fact]) -> list[tuple[object, ...]]:
    found = project(terms, facts).transitions
    return [(each.effective_at, each.reason, *each[4:]) for each in found]


# Positions


def position(pk: int, stated_at: str, party: int = 1) -> Position:
    return Position(id=pk, party_id=party, verdict=Verdict.MET, stated_at=utc(stated_at))


def test_a_position_before_the_latest_one_of_its_party_does_not_count() -> None:
    latest, earlier = position(1, "2025-05-01"), position(2, "2025-04-01")
    other = position(3, "2025-06-01", party=2)
    every = [latest, earlier, other]
    assert position_without_effect(every, earlier, party="CHN", timezone="UTC") == (
        "The position does not count: CHN stated a later one on 1 May 2025."
    )
    assert position_without_effect(every, latest, party="CHN", timezone="UTC") is None
    assert position_without_effect(every, other, party="USA", timezone="UTC") is None
