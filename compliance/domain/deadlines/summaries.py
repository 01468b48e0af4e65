"""The values of facts and positions that explanations mention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from compliance.domain.civil_periods import period_phrase
from compliance.domain.civil_time import day_start, displayed_zone_name
from compliance.domain.vocabulary import FactKind, Precision, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class FactSummary:
    """The values of a fact that an explanation mentions.

    `due_precision` is that of the due date that it sets.
    """

    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    precision: Precision = Precision.DAY
    quantity: Decimal | None = None
    verdict: Verdict | None = None
    share: Decimal | None = None
    is_final: bool = False
    successor: str = ""
    due_precision: Precision = Precision.DAY
    note: str = ""
    evidence: tuple[str, ...] = ()
    approved_by: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PositionSummary:
    """The values of a position that an explanation mentions."""

    id: int
    party: str
    verdict: Verdict
    stated_at: datetime
    stated_on: date | None = None
    precision: Precision = Precision.DAY
    share: Decimal | None = None
    quote: str = ""
    evidence: tuple[str, ...] = ()


def period_of_change(effective_at: datetime, fact: FactSummary | None, timezone: str) -> str:
    """Return the month, quarter or year from whose beginning a change is taken to have effect.

    Empty if it is known more precisely: otherwise its first instant would claim to know the day.

    Args:
        effective_at: when it takes effect.
        fact: what brought it about, if that is known.
        timezone: the zone of the deadline.
    """
    if fact is None or fact.effective_on is None or fact.precision is Precision.DAY:
        return ""
    if effective_at != day_start(fact.effective_on, displayed_zone_name(timezone)):
        return ""
    return period_phrase(fact.effective_on, fact.precision)
