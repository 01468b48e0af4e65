"""Explanations: why a deadline has its status, shown by rule, facts and instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Self

from compliance.domain.civil_periods import period_phrase
from compliance.domain.civil_time import zone
from compliance.domain.deadlines.amounts import amounts_sentences, measured_sentence
from compliance.domain.deadlines.ledger import Entry
from compliance.domain.deadlines.reasons import REASON_SENTENCES, VERIFICATION_SENTENCES
from compliance.domain.deadlines.summaries import FactSummary, PositionSummary, period_of_change
from compliance.domain.deadlines.timeline import BREACHED, CLOSING_REASONS
from compliance.domain.phrases import day, label, one_line, shortened
from compliance.domain.quantities import number_text
from compliance.domain.vocabulary import (
    FactKind,
    Precision,
    Reason,
    Status,
    TargetBound,
    Verification,
)

_OF_AMOUNTS = frozenset({FactKind.PERFORMANCE, FactKind.MEASUREMENT, FactKind.RESTATEMENT})
_BY_TIME = frozenset({Reason.DUE_PASSED, Reason.GRACE_ENDED})


class StepKind(StrEnum):
    """The kind of record on which a step of an explanation is based."""

    RULE = "rule"
    TIME = "time"
    FACT = "fact"
    POSITION = "position"
    VERIFICATION = "verification"


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusChange:
    """One change of status that has taken effect."""

    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due_on: date | None
    due_at: datetime | None
    performed: Decimal | None = None
    target: Decimal | None = None
    measured: Decimal | None = None

    @classmethod
    def of_entry(cls, entry: Entry, due_on: date | None) -> Self:
        """Return the change of status that a ledger entry records, with the due day of its time."""
        return cls(
            effective_at=entry.effective_at,
            status=entry.status,
            reason=entry.reason,
            fact_id=entry.fact_id,
            due_on=due_on,
            due_at=entry.due_at,
            performed=entry.performed,
            target=entry.target,
            measured=entry.measured,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """The input of an explanation: a deadline as of one instant, as known at one instant.

    `history` holds the changes of its status, oldest first. `facts` are by id.
    """

    timezone: str
    history: Sequence[StatusChange]
    facts: Mapping[int, FactSummary] = field(default_factory=dict)
    positions: Sequence[PositionSummary] = ()
    is_disputed: bool = False
    verification: Verification = Verification.UNCHECKED
    trace: Sequence[str] = ()
    unit: str = ""
    target_bound: TargetBound = TargetBound.AT_LEAST
    due_precision: Precision = Precision.DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of an explanation: a sentence, its instant, and what it refers to."""

    kind: StepKind
    sentence: str
    at: datetime | None = None
    status: Status | None = None
    fact: int | None = None
    position: int | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a deadline has its status, in one paragraph and step by step."""

    status: Status
    since: datetime
    paragraph: str
    steps: tuple[Step, ...]


def explain(case: Case) -> Explanation:
    """Explain the latest status in `case.history` by the rule, facts and instants behind it.

    Raises:
        ValueError: the history is empty.
    """
    if not case.history:
        sentence = "There is no history to explain."
        raise ValueError(sentence)
    now = case.history[-1]
    began = _beginning(case.history)
    steps = (
        *(Step(kind=StepKind.RULE, sentence=each) for each in case.trace),
        *_change_steps(case),
        *(_position_step(each) for each in case.positions),
        Step(kind=StepKind.VERIFICATION, sentence=VERIFICATION_SENTENCES[case.verification]),
    )
    since = _period(began, case) or _instant(began.effective_at, case.timezone)
    parts = [f"{label(now.status).capitalize()} since {since}."]
    if now.due_at is not None and now.due_on is not None:
        before = _instant(now.due_at, case.timezone)
        parts.append(f"Due {_on(now.due_on, case.due_precision)}, before {before}.")
    parts += [step.sentence for step in steps if step.at is not None and step.position is None][1:]
    if len(case.history) == 1:
        parts.append("Nothing has changed since it was agreed.")
    parts += [step.sentence for step in steps if step.position is not None]
    if case.is_disputed:
        parts.append(
            "The positions contradict each other, so the deadline is disputed. This does not "
            "change its status."
        )
    parts.append(VERIFICATION_SENTENCES[case.verification])
    return Explanation(
        status=now.status, since=began.effective_at, paragraph=" ".join(parts), steps=steps
    )


def changes(case: Case) -> list[str]:
    """Return a sentence for each change of status since the deadline was agreed."""
    return [each.sentence for each in _change_steps(case)[1:]]


def _beginning(history: Sequence[StatusChange]) -> StatusChange:
    """Return the change with which the latest status began."""
    began = history[-1]
    for each in reversed(history):
        if each.status is not began.status:
            break
        began = each
    return began


def _period(change: StatusChange, case: Case) -> str:
    fact = case.facts.get(change.fact_id or 0)
    return period_of_change(change.effective_at, fact, case.timezone)


def _change_steps(case: Case) -> list[Step]:
    befores = [None, *case.history]
    return [
        _change_step(each, before, case)
        for before, each in zip(befores, case.history, strict=False)
    ]


def _change_step(change: StatusChange, before: StatusChange | None, case: Case) -> Step:
    fact = case.facts.get(change.fact_id or 0)
    because = REASON_SENTENCES[change.reason]
    if fact is not None and fact.kind is FactKind.MEASUREMENT:
        because = measured_sentence(change.reason, change.status)
    if change.reason in _BY_TIME and change.status is Status.PARTLY_MET:
        because = f"{because.partition(' without')[0]}, and only part of it had been accepted."
    elif change.reason in _BY_TIME and change.status is Status.IN_GRACE:
        because = "The due date passed, and the grace period began."
    elif change.reason in _BY_TIME and case.target_bound is TargetBound.AT_MOST:
        because = because.replace("an accepted performance", "a value that meets the target")
    if fact is not None:
        because = f"{because.removesuffix('.')}{_details(fact, change, case)}"
    if change.reason in {Reason.EXTENDED, Reason.RESCHEDULED, Reason.TRIGGERED} and change.due_on:
        is_extended = fact is not None and change.reason is Reason.EXTENDED
        precision = fact.due_precision if fact is not None and is_extended else Precision.DAY
        because += f" It is now due {_on(change.due_on, precision)}."
    if change.status in BREACHED and change.reason in CLOSING_REASONS:
        because += f" It is closed as {label(change.status)}."
    # A cancellation, for example, leaves the amounts as they were.
    is_about_amounts = fact is not None and fact.kind in _OF_AMOUNTS
    if change.reason not in _BY_TIME and (is_about_amounts or _changes_amounts(change, before)):
        because += amounts_sentences(
            performed=change.performed,
            measured=change.measured,
            target=change.target,
            bound=case.target_bound,
            unit=case.unit,
        )
    period = _period(change, case)
    when = f"In {period}" if period else _instant(change.effective_at, case.timezone)
    return Step(
        kind=StepKind.TIME if fact is None else StepKind.FACT,
        sentence=f"{when}: {because}",
        at=change.effective_at,
        status=change.status,
        fact=change.fact_id,
        evidence=fact.evidence if fact is not None else (),
    )


def _changes_amounts(change: StatusChange, before: StatusChange | None) -> bool:
    if before is None:
        return bool(change.performed) or change.measured is not None
    return _amounts(change) != _amounts(before)


def _amounts(change: StatusChange) -> tuple[object, ...]:
    return change.performed or None, change.measured, change.target


def _details(fact: FactSummary, change: StatusChange, case: Case) -> str:
    """Return the details and the note of a fact, to follow its sentence."""
    details = []
    # The end of a violation or suspension is not on the date of its fact.
    is_its_date = change.reason not in {Reason.CURED, Reason.RESUMED} and not _period(change, case)
    if fact.effective_on is not None and is_its_date:
        details.append(_on(fact.effective_on, fact.precision))
    if fact.verdict is not None:
        details.append(f"{'finally ' if fact.is_final else ''}{label(fact.verdict)}")
    if fact.successor:
        details.append(f"now obligation {fact.successor}")
    if fact.share is not None:
        details.append(f"{number_text(fact.share * 100)} percent")
    if fact.quantity is not None:
        details.append(f"{number_text(fact.quantity)}{f' {case.unit}' if case.unit else ''}")
    if fact.evidence:
        details.append(f"evidence {' and '.join(fact.evidence)}")
    if fact.approved_by:
        details.append(f"approved by {fact.approved_by}")
    listed = f" ({', '.join(details)})" if details else ""
    note = f" “{_brief(fact.note)}”" if fact.note.strip() else ""
    return f"{listed}.{note}"


def _position_step(position: PositionSummary) -> Step:
    stated_on = position.stated_on or position.stated_at.astimezone(UTC).date()
    on = _on(stated_on, position.precision)
    share = "" if position.share is None else f" ({number_text(position.share * 100)} percent)"
    quote = f": “{_brief(position.quote)}”" if position.quote else ""
    return Step(
        kind=StepKind.POSITION,
        sentence=f"{position.party} said {on} that it is {label(position.verdict)}{share}{quote}.",
        at=position.stated_at,
        position=position.id,
        evidence=position.evidence,
    )


def _on(on: date, precision: Precision) -> str:
    return f"{'on' if precision is Precision.DAY else 'in'} {period_phrase(on, precision)}"


def _brief(text: str) -> str:
    return shortened(one_line(text), 300)


@lru_cache(maxsize=1_000)
def _instant(at: datetime, timezone: str) -> str:
    utc, local = at.astimezone(UTC), at.astimezone(zone(timezone))
    there = "" if timezone == "UTC" else f" ({day(local.date())}, {local:%H:%M} in {timezone})"
    return f"{day(utc.date())}, {utc:%H:%M} UTC{there}"
