"""Why a deadline stands where it stands: the rule, the facts and the instants that led there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Self

from compliance.domain.civil_time import zone
from compliance.domain.deadlines.ledger import Entry
from compliance.domain.phrases import day, one_line, shortened
from compliance.domain.vocabulary import (
    FactKind,
    Reason,
    Status,
    Verdict,
    Verification,
)

BECAUSE: Mapping[Reason, str] = {
    Reason.AGREED: "It was agreed.",
    Reason.TRIGGERED: "What it waited for happened.",
    Reason.PERIOD_BEGAN: "The period began in which it binds.",
    Reason.PERIOD_ENDED: "The period ended in which it binds.",
    Reason.WINDOW_BEGAN: (
        "The due date has passed by one reading, and not by another: whose day counts, "
        "or how it is counted, is not agreed."
    ),
    Reason.DUE_PASSED: "The due instant passed, and nothing had been accepted.",
    Reason.GRACE_ENDED: "The grace period ended, and nothing had been accepted.",
    Reason.PERFORMED: "A performance was recorded.",
    Reason.PERFORMED_IN_WINDOW: (
        "A performance was recorded: in time by one reading of the due date, late by another."
    ),
    Reason.PART_PERFORMED: "A part was performed; the target is not reached.",
    Reason.TARGET_RESTATED: "The target was restated.",
    Reason.VIOLATED: "A violation was recorded.",
    Reason.CURED: "The violation ended.",
    Reason.DETERMINED: "The desk determined it.",
    Reason.COMPONENT_DONE: "One of its components was done, or released.",
    Reason.EXTENDED: "The due date was extended.",
    Reason.RESCHEDULED: "The due date moved with what it is counted from.",
    Reason.WAIVED: "It was waived.",
    Reason.SUSPENDED: "It was suspended.",
    Reason.RESUMED: "The suspension ended.",
    Reason.CANCELLED: "It was cancelled.",
    Reason.TERMINATED: "The agreement was terminated.",
    Reason.WITHDRAWN: "The corrected due rule no longer calls for it.",
}
_PASSED = frozenset({Reason.DUE_PASSED, Reason.GRACE_ENDED})
_CONCLUSIONS = {
    Verdict.MET: "met",
    Verdict.PARTLY_MET: "partly met",
    Verdict.NOT_MET: "not met",
    Verdict.UNDETERMINED: "not to be determined",
}
_VERIFICATIONS = {
    Verification.UNCHECKED: (
        "No look is logged, and the desk has determined nothing: it rests on the clock and on what "
        "was recorded."
    ),
    Verification.CHECKED: "The desk has looked and logged it.",
    Verification.CONFIRMED: "The desk has confirmed it by a determination.",
}


class StepKind(StrEnum):
    """What a step of an explanation rests on."""

    RULE = "rule"
    TIME = "time"
    FACT = "fact"
    POSITION = "position"
    VERIFICATION = "verification"


@dataclass(frozen=True, kw_only=True, slots=True)
class FactSummary:
    """What of a recorded fact goes into words."""

    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    quantity: Decimal | None = None
    verdict: Verdict | None = None
    share: Decimal | None = None
    note: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionSummary:
    """What of a position goes into words."""

    id: int
    party: str
    verdict: Verdict
    stated_at: datetime
    stated_on: date | None = None
    quote: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """One change of status that has come about."""

    effective_at: datetime
    status: Status
    reason: Reason
    fact_id: int | None
    due_on: date | None
    due_at: datetime | None
    performed: Decimal | None = None
    target: Decimal | None = None

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
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """All that an explanation is made of, as of one instant, as known at one."""

    timezone: str
    course: Sequence[Passed]
    facts: Mapping[int, FactSummary] = field(default_factory=dict)
    positions: Sequence[PositionSummary] = ()
    is_disputed: bool = False
    verification: Verification = Verification.UNCHECKED
    trace: Sequence[str] = ()
    unit: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One link of the chain: a sentence, when it was, and what it refers to."""

    kind: StepKind
    sentence: str
    at: datetime | None = None
    status: Status | None = None
    fact: int | None = None
    position: int | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a deadline stands where it stands, in one paragraph and link by link."""

    status: Status
    since: datetime
    paragraph: str
    steps: tuple[Step, ...]


def explain(case: Case) -> Explanation:
    """The chain of rule, facts and instants that leads to the last status of `case.course`.

    Raises:
        ValueError: there is no course.
    """
    if not case.course:
        sentence = "There is no course to explain."
        raise ValueError(sentence)
    now = case.course[-1]
    since = _since(case.course)
    steps = (
        *(Step(kind=StepKind.RULE, sentence=each) for each in case.trace),
        *(_passed(each, case) for each in case.course),
        *(_said(each) for each in case.positions),
        Step(kind=StepKind.VERIFICATION, sentence=_VERIFICATIONS[case.verification]),
    )
    parts = [f"{_words(now.status).capitalize()} since {_moment(since, case.timezone)}."]
    if now.due_at is not None and now.due_on is not None:
        before = _moment(now.due_at, case.timezone)
        parts.append(f"To be done by {day(now.due_on)}, before {before}.")
    parts += [step.sentence for step in steps if step.at is not None and step.position is None][1:]
    if len(case.course) == 1:
        parts.append("Nothing has changed since it was agreed.")
    parts += [step.sentence for step in steps if step.position is not None]
    if case.is_disputed:
        parts.append("They contradict each other, so it is disputed; that changes no status.")
    parts.append(_VERIFICATIONS[case.verification])
    return Explanation(status=now.status, since=since, paragraph=" ".join(parts), steps=steps)


def changes(case: Case) -> list[str]:
    """What has changed since `case` was agreed, a sentence for each change of status."""
    return [_passed(each, case).sentence for each in case.course[1:]]


def _since(course: Sequence[Passed]) -> datetime:
    since = course[-1].effective_at
    for each in reversed(course):
        if each.status is not course[-1].status:
            break
        since = each.effective_at
    return since


def _passed(passed: Passed, case: Case) -> Step:
    fact = case.facts.get(passed.fact_id or 0)
    because = BECAUSE[passed.reason]
    if passed.reason in _PASSED and passed.status is Status.PARTLY_MET:
        because = f"{because.partition(',')[0]}, and only a part had been accepted."
    elif passed.reason in _PASSED and passed.status is Status.IN_GRACE:
        because = "The due instant passed, and the grace period began."
    if fact is not None:
        because = f"{because.removesuffix('.')}{_of_fact(fact, case)}"
    if passed.reason in {Reason.EXTENDED, Reason.RESCHEDULED, Reason.TRIGGERED} and passed.due_on:
        because += f" It is due on {day(passed.due_on)} since."
    if passed.target is not None and passed.reason not in _PASSED:
        amount = f"{_number(passed.performed or Decimal(0))} of {_number(passed.target)}"
        because += f" That makes {amount}{f' {case.unit}' if case.unit else ''}."
    return Step(
        kind=StepKind.TIME if fact is None else StepKind.FACT,
        sentence=f"{_moment(passed.effective_at, case.timezone)}: {because}",
        at=passed.effective_at,
        status=passed.status,
        fact=passed.fact_id,
        evidence=fact.evidence if fact is not None else (),
    )


def _of_fact(fact: FactSummary, case: Case) -> str:
    """What is known of a fact, to follow its sentence."""
    details = []
    if fact.effective_on is not None:
        details.append(f"on {day(fact.effective_on)}")
    if fact.verdict is not None:
        details.append(f"as {_CONCLUSIONS[fact.verdict]}")
    if fact.share is not None:
        details.append(f"to {_number(fact.share * 100)} percent")
    if fact.quantity is not None:
        details.append(f"with {_number(fact.quantity)}{f' {case.unit}' if case.unit else ''}")
    if fact.evidence:
        details.append(f"by {', '.join(fact.evidence)}")
    said = f" ({', '.join(details)})" if details else ""
    note = f" “{_brief(fact.note)}”" if fact.note.strip() else ""
    return f"{said}.{note}"


def _said(position: PositionSummary) -> Step:
    on = day(position.stated_on or position.stated_at.astimezone(UTC).date())
    quote = f": “{_brief(position.quote)}”" if position.quote else ""
    return Step(
        kind=StepKind.POSITION,
        sentence=f"{position.party} said on {on} that it is {_words(position.verdict)}{quote}.",
        at=position.stated_at,
        position=position.id,
        evidence=position.evidence,
    )


def _brief(text: str) -> str:
    """Somebody's words, in one line of a length that a paragraph can bear."""
    return shortened(one_line(text), _LONGEST_QUOTE)


_LONGEST_QUOTE = 300


def _words(word: Status | Verdict) -> str:
    return word.value.replace("_", " ")


@lru_cache(maxsize=1_000)
def _moment(at: datetime, timezone: str) -> str:
    utc, local = at.astimezone(UTC), at.astimezone(zone(timezone))
    there = "" if timezone == "UTC" else f" ({day(local.date())}, {local:%H:%M} in {timezone})"
    return f"{day(utc.date())}, {utc:%H:%M} UTC{there}"


def _number(number: Decimal) -> str:
    return format(number.normalize(), "f")
