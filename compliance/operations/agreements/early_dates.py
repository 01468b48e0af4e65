"""Deadlines that are due before their obligation binds, but about which a document has facts.

A recurrence may have begun earlier than its obligation, and its earlier dates have no deadlines. A
fact about one of them proves that it bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime

from compliance.domain.agreements.document_drafts import (
    AgreementDocument,
    DocumentFact,
    DocumentObligation,
)
from compliance.domain.civil_periods import CivilPeriod, period_of
from compliance.domain.due_dates.rule_types import RecurrenceRule
from compliance.models import Agreement, Deadline, Obligation
from compliance.operations.deadlines import schedule


@dataclass(frozen=True, kw_only=True, slots=True)
class Created:
    """The deadlines that were created for early dates, and all that were touched."""

    touched: Set[int] = frozenset()
    early: Set[int] = frozenset()


def create(document: AgreementDocument, agreement: Agreement, *, as_of: datetime) -> Created:
    """Create the deadlines of early dates that the facts of a document name.

    The caller holds the lock of the agreement, stores the facts, and refreshes what was touched in
    the same transaction.
    """
    named = {
        draft.ref: periods
        for draft in document.obligations
        if (periods := _periods(draft.facts)) and _recurs(draft)
    }
    missing = _missing(agreement, named) if named else {}
    if not missing:
        return Created()
    before = _ids_of(missing)
    touched = schedule.recompute(obligation_ids=missing, as_of=as_of, recorded_on=missing)
    return Created(touched=touched, early=_ids_of(missing) - before)


def _periods(facts: Iterable[DocumentFact]) -> list[CivilPeriod]:
    """Return the periods in which the deadlines of facts are due, as the facts name them."""
    named = {
        (fact.due_on, fact.due_on_precision): None for fact in facts if fact.due_on is not None
    }
    return [period_of(day, precision) for day, precision in named]


def _recurs(draft: DocumentObligation) -> bool:
    """Return whether an obligation may recur; if the document gives no rule, a stored one may."""
    return draft.due is None or isinstance(draft.due, RecurrenceRule)


def _missing(
    agreement: Agreement, named: Mapping[str, Sequence[CivilPeriod]]
) -> dict[int, list[CivilPeriod]]:
    """Return the periods, by obligation, in which no deadline of a recurrence is due."""
    recurring = Obligation.objects.filter(
        agreement=agreement, ref__in=named, due__type="recurrence"
    )
    refs = dict(recurring.values_list("pk", "ref"))
    dues: dict[int, set[date | None]] = defaultdict(set)
    rows = Deadline.objects.filter(obligation__in=refs, is_withdrawn=False)
    for pk, *days in rows.values_list("obligation_id", "original_due_on", "due_on"):
        dues[pk].update(days)
    found = {
        pk: [each for each in named[ref] if not _is_any_in(each, dues[pk])]
        for pk, ref in refs.items()
    }
    return {pk: periods for pk, periods in found.items() if periods}


def _is_any_in(period: CivilPeriod, days: set[date | None]) -> bool:
    if period.first == period.last:
        return period.first in days
    return any(day is not None and period.first <= day <= period.last for day in days)


def _ids_of(obligation_ids: Iterable[int]) -> set[int]:
    rows = Deadline.objects.filter(obligation__in=obligation_ids, is_withdrawn=False)
    return set(rows.values_list("pk", flat=True))
