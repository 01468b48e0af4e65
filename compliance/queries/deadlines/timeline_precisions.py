"""How precisely the dates of a timeline are known: to the day, month, quarter or year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from compliance.domain.civil_time import day_start, displayed_zone_name
from compliance.domain.vocabulary import FactKind, Precision, Reason
from compliance.models import Agreement, Correction, Deadline, Fact, Obligation
from compliance.queries.rows import Row

_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class FactDates:
    """The instants of a fact, and how precisely each is known; None: to the instant."""

    effective_at: datetime
    precision: Precision | None
    until_at: datetime | None = None
    until_precision: Precision | None = None
    due_at: datetime | None = None
    due_precision: Precision = Precision.DAY


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePrecisions:
    """The precisions of the instants of one deadline.

    Attributes:
        dues: by due instant.
        beginnings: of the days from which it may bind, by the instant at which they begin.
        facts: by id.
    """

    dues: Mapping[datetime, Precision]
    beginnings: Mapping[datetime, Precision]
    facts: Mapping[int, FactDates] = field(default_factory=dict)

    def add_to(self, rows: Sequence[Row]) -> None:
        """Add to the rows of a timeline how precisely their instants are known."""
        for row in rows:
            row["due_precision"] = self._of_due(row["due_at"])
            row["precision"] = self._of_change(row)

    def _of_due(self, due_at: datetime | None) -> Precision | None:
        return None if due_at is None else self.dues.get(due_at, Precision.DAY)

    def _of_change(self, row: Row) -> Precision | None:
        at = row["effective_at"]
        fact = self.facts.get(row["fact"] or 0)
        if fact is not None:
            return fact.until_precision if at == fact.until_at else fact.precision
        if at == row["due_at"]:
            return self._of_due(at)
        return self.beginnings.get(at) if row["reason"] == Reason.AGREED else None


def precisions_of(
    deadline: Deadline,
    *,
    known_at: datetime | None = None,
    supposed: Mapping[int, FactDates] | None = None,
) -> TimelinePrecisions:
    """Return how precisely the instants of a deadline are known, now or at an instant.

    Args:
        supposed: facts that are not stored, by id.
    """
    facts = {each.pk: _dates_of(each) for each in _facts(deadline, known_at)} | dict(supposed or {})
    dues = _original_dues(deadline, known_at)
    for each in facts.values():
        if each.due_at is not None:
            dues[each.due_at] = each.due_precision
    return TimelinePrecisions(dues=dues, beginnings=_beginnings(deadline), facts=facts)


def _facts(deadline: Deadline, known_at: datetime | None) -> list[Fact]:
    found = Fact.objects.filter(deadline=deadline) | Fact.objects.filter(
        agreement=deadline.agreement_id
    )
    return list(found.filter(recorded_at__lte=known_at or _LAST).order_by("id"))


def _dates_of(fact: Fact) -> FactDates:
    is_extended = fact.kind == FactKind.EXTENSION and fact.due is not None
    return FactDates(
        effective_at=fact.effective_at,
        precision=_precision(fact.effective_on, fact.precision),
        until_at=fact.until_at,
        until_precision=_precision(fact.until_on, fact.until_precision),
        due_at=fact.due_at if is_extended else None,
        due_precision=_of_rule(fact.due),
    )


def _precision(day: date | None, stored: str | None) -> Precision | None:
    return None if day is None else Precision(stored or Precision.DAY)


def _of_rule(rule: Mapping[str, Any] | None) -> Precision:
    return Precision((rule or {}).get("precision") or Precision.DAY)


def _original_dues(deadline: Deadline, known_at: datetime | None) -> dict[datetime, Precision]:
    """Return how precisely each original due date was agreed that the deadline has had."""
    obligation = Obligation.objects.get(pk=deadline.obligation_id)
    rules = _states("obligation", obligation.pk, "due", obligation.due)
    stored = Deadline.objects.values_list("original_due_at", flat=True).get(pk=deadline.pk)
    found: dict[datetime, Precision] = {}
    since = datetime.min.replace(tzinfo=UTC)
    for until, due_at in _states("deadline", deadline.pk, "original_due_at", stored):
        if due_at is not None and since <= (known_at or _LAST):
            at = datetime.fromisoformat(due_at) if isinstance(due_at, str) else due_at
            found[at] = _of_rule(next(rule for end, rule in rules if end >= until))
        since = until
    return found


def _states(owner: str, pk: int, name: str, now: Any) -> list[tuple[datetime, Any]]:
    """Return the values that a field had, each until when, and the one that it has now."""
    kept = Correction.objects.filter(**{owner: pk}).order_by("recorded_at", "id")
    return [*((each.recorded_at, each.before.get(name)) for each in kept), (_LAST, now)]


def _beginnings(deadline: Deadline) -> dict[datetime, Precision]:
    obligation: Obligation = deadline.obligation
    agreement: Agreement = obligation.agreement
    zone = displayed_zone_name(deadline.timezone)
    days = (
        (agreement.signed_on, agreement.signed_on_precision),
        (agreement.in_force_on, agreement.in_force_on_precision),
        (obligation.binds_on, obligation.binds_on_precision),
    )
    return {
        day_start(day, zone): Precision(stored or Precision.DAY)
        for day, stored in days
        if day is not None
    }
