"""Every history can be explained, and the explanation ends with its last status."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from compliance.domain.civil_time import day_end, day_start
from compliance.domain.deadlines.explanations import (
    Case,
    StatusChange,
    StepKind,
    changes,
    explain,
)
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import recorded_quantity
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.reasons import REASON_SENTENCES
from compliance.domain.deadlines.summaries import FactSummary
from compliance.domain.deadlines.terms import Terms
from compliance.domain.vocabulary import FactKind, Precision, Reason, Status, Verification
from tests.domain.strategies import LAST_HOUR, histories, hour, terms


def test_every_reason_has_a_sentence() -> None:
    assert set(REASON_SENTENCES) == set(Reason)
    assert all(sentence.endswith(".") for sentence in REASON_SENTENCES.values())


@given(terms(), histories())
def test_every_history_is_explained_to_its_end(
    agreed: Terms, history: list[tuple[Fact, datetime]]
) -> None:
    facts = [fact for fact, _ in history]
    timeline = project(agreed, facts)
    past = timeline.until(hour(LAST_HOUR))
    case = Case(
        timezone="Asia/Shanghai",
        history=[
            StatusChange(
                effective_at=each.effective_at,
                status=each.status,
                reason=each.reason,
                fact_id=each.fact_id,
                due_on=each.due.due_on if each.due else None,
                due_at=each.due.due_at if each.due else None,
                performed=recorded_quantity(each),
                target=each.target,
            )
            for each in past
        ],
        facts={
            fact.id: FactSummary(
                kind=fact.kind,
                effective_at=fact.effective_at,
                effective_on=fact.effective_on,
                quantity=fact.quantity,
                verdict=fact.verdict,
                share=fact.share,
                note=f"note {fact.id}",
                evidence=(f"E{fact.id}",),
            )
            for fact in facts
        },
    )
    found = explain(case)
    assert found.status is past[-1].status
    assert found.since == timeline.status_since(hour(LAST_HOUR))
    steps = [step for step in found.steps if step.at is not None]
    assert [(step.at, step.status, step.fact) for step in steps] == [
        (each.effective_at, each.status, each.fact_id) for each in past
    ]
    for step in steps:
        assert (step.kind is StepKind.FACT) == (step.fact is not None)
        if step.fact is not None:
            assert f"“note {step.fact}”" in step.sentence
            assert step.evidence == (f"E{step.fact}",)
        if step is not steps[0]:
            assert step.sentence in found.paragraph


def test_an_empty_history_cannot_be_explained() -> None:
    with pytest.raises(ValueError, match="no history"):
        explain(Case(timezone="UTC", history=[], verification=Verification.CHECKED))


def amounts_said(*changes: tuple[Status, Reason, int]) -> list[str]:
    """Return what the steps say about the amounts of an obligation to deliver 40 t."""
    history = [
        StatusChange(
            effective_at=hour(number), status=status, reason=reason, fact_id=None, due_on=None,
            due_at=None, performed=Decimal(performed), target=Decimal(40),
        )
        for number, (status, reason, performed) in enumerate(changes)
    ]  # fmt: skip
    steps = explain(Case(timezone="UTC", history=history, unit="t")).steps
    return [step.sentence.partition("That makes ")[2] for step in steps if step.at is not None]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.CANCELLED, Reason.CANCELLED),
        (Status.WAIVED, Reason.WAIVED),
        (Status.SUPERSEDED, Reason.REPLACED),
        (Status.SUSPENDED, Reason.SUSPENDED),
        (Status.PENDING, Reason.EXTENDED),
        (Status.DORMANT, Reason.POSTPONED),
        (Status.CANCELLED, Reason.TERMINATED),
        (Status.CANCELLED, Reason.EXPIRED),
        (Status.CANCELLED, Reason.WITHDRAWN),
    ],
)
@pytest.mark.parametrize("performed", [0, 10])
def test_amounts_are_not_repeated_after_changes_of_something_else(
    status: Status, reason: Reason, performed: int
) -> None:
    first = (Status.PENDING, Reason.AGREED, 0)
    part = (Status.PENDING, Reason.PART_PERFORMED, performed)
    said = "10 of 40 t." if performed else ""
    assert amounts_said(first, part, (status, reason, performed)) == ["", said, ""]


def test_what_a_determination_leaves_of_an_amount_is_said() -> None:
    first = (Status.PENDING, Reason.AGREED, 0)
    part = (Status.PENDING, Reason.PART_PERFORMED, 10)
    none = (Status.UNMET, Reason.DETERMINED, 0)
    assert amounts_said(first, part, none)[-1] == "0 of 40 t."


@pytest.mark.parametrize(
    ("first", "precision", "phrase"),
    [
        (date(2026, 7, 1), Precision.MONTH, "July 2026"),
        (date(2026, 4, 1), Precision.QUARTER, "Q2 2026"),
        (date(2026, 1, 1), Precision.YEAR, "2026"),
    ],
)
def test_what_is_known_by_its_period_is_explained_without_a_day(
    first: date, precision: Precision, phrase: str
) -> None:
    at = day_start(first, "Asia/Shanghai")
    fact = FactSummary(
        kind=FactKind.EXTENSION, effective_at=at, effective_on=first, precision=precision,
        due_precision=Precision.YEAR,
    )  # fmt: skip
    agreed = StatusChange(
        effective_at=at - timedelta(days=500), status=Status.UNMET, reason=Reason.DUE_PASSED,
        fact_id=None, due_on=None, due_at=None,
    )  # fmt: skip
    extended = replace(
        agreed, effective_at=at, status=Status.PENDING, reason=Reason.EXTENDED, fact_id=1,
        due_on=date(2028, 12, 31), due_at=day_end(date(2028, 12, 31), "Asia/Shanghai"),
    )  # fmt: skip
    case = Case(
        timezone="Asia/Shanghai", history=[agreed, extended], facts={1: fact},
        due_precision=Precision.YEAR,
    )  # fmt: skip
    assert changes(case) == [f"In {phrase}: The due date was extended. It is now due in 2028."]
    assert explain(case).paragraph.startswith(f"Pending since {phrase}. Due in 2028, before ")
