"""The stored terms of deadlines as domain values, and the stored form of due dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from compliance.domain.civil_time import day_end, displayed_zone_name
from compliance.domain.deadlines.terms import Move as MoveOfTerms
from compliance.domain.deadlines.terms import Terms
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import ObligationKind, Precision, Reason, TargetBound
from compliance.models.agreements.obligations import Obligation
from compliance.models.deadlines.deadlines import Deadline


class Duty(NamedTuple):
    """The properties of an obligation that shape the timeline of its deadlines."""

    kind: ObligationKind = ObligationKind.ACHIEVE
    target_quantity: Decimal | None = None
    target_bound: TargetBound = TargetBound.AT_LEAST
    has_due_rule: bool = True
    survives_termination: bool = False
    # The last day of the agreement, if the obligation ends with it.
    ends_on: date | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the end of the agreement is special about it."""
        return self[:-1] == _PLAIN


PLAIN_DUTY = Duty()
_PLAIN = PLAIN_DUTY[:-1]


def duty_of(obligation: Obligation) -> Duty:
    """Return the properties of an obligation that shape the timeline of its deadlines."""
    return Duty(
        kind=ObligationKind(obligation.kind),
        target_quantity=obligation.target_quantity,
        target_bound=TargetBound(obligation.target_bound),
        has_due_rule=obligation.due is not None,
        survives_termination=obligation.survives_termination,
        ends_on=None if obligation.survives_termination else obligation.agreement.ends_on,
    )


def expires_at(ends_on: date | None, timezone: str) -> datetime | None:
    """Return when an agreement that ends on a day expires for a deadline in a zone."""
    return None if ends_on is None else day_end(ends_on, displayed_zone_name(timezone))


def terms_of(row: Any, duty: Duty) -> Terms:
    """Return the terms of a deadline as a domain value. `row` has the columns of a deadline."""
    due = None
    if row.original_due_at is not None:
        due = Due(
            row.original_due_on,
            row.original_due_at,
            row.original_unmet_at,
            row.timezone,
            row.original_earliest_due_at,
        )
    moves: tuple[MoveOfTerms, ...] = ()
    if row.moves:
        moves = tuple(
            MoveOfTerms(
                at=datetime.fromisoformat(each["at"]),
                due=load_due(each["due"]) if each["due"] else None,
                reason=Reason(each["reason"]),
                performed=Decimal(each["performed"]) if "performed" in each else None,
                target=Decimal(each["target"]) if "target" in each else None,
                place=each.get("place", 1),
            )
            for each in row.moves
            if "at" in each
        )
    return Terms(
        row.begins_at,
        due,
        duty.kind,
        row.starts_at,
        not duty.has_due_rule,
        duty.target_quantity,
        moves,
        row.is_withdrawn,
        row.is_start_presumed,
        expires_at(duty.ends_on, row.timezone),
        duty.target_bound,
    )


def due_precision(deadline: Deadline) -> Precision:
    """Return the precision with which the current due date was agreed.

    Takes no query if the facts that have a due rule were prefetched.
    """
    rule = deadline.obligation.due
    if deadline.due_at != deadline.original_due_at:
        extensions = {
            fact.pk: fact.due
            for fact in deadline.facts.all()
            if fact.due is not None and fact.due_at == deadline.due_at
        }
        rule = extensions[max(extensions)] if extensions else None
    return Precision((rule or {}).get("precision") or Precision.DAY)


def dump_due(due: Due) -> dict[str, str | None]:
    """Return a due date as JSON."""
    return {
        "due_on": due.due_on.isoformat(),
        "due_at": due.due_at.isoformat(),
        "unmet_at": due.unmet_at.isoformat(),
        "earliest_due_at": due.earliest_due_at.isoformat() if due.earliest_due_at else None,
        "timezone": due.timezone,
    }


def load_due(value: Mapping[str, str]) -> Due:
    """Read a due date that `dump_due` wrote."""
    return Due(
        due_on=date.fromisoformat(value["due_on"]),
        due_at=datetime.fromisoformat(value["due_at"]),
        unmet_at=datetime.fromisoformat(value["unmet_at"]),
        timezone=value["timezone"],
        earliest_due_at=datetime.fromisoformat(value["earliest_due_at"])
        if value["earliest_due_at"]
        else None,
    )


def dues_of_facts(moves: list[dict[str, Any]] | None) -> dict[int, Due]:
    """Return the due dates computed for extensions and triggers, by the id of the fact."""
    return {
        each["fact"]: load_due(each["due"])
        for each in moves or ()
        if "fact" in each and each["due"] is not None
    }
