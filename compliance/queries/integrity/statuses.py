"""Checks of stored statuses: whether they follow from the terms and facts of a deadline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from compliance.domain.deadlines.breaches import breach_changes
from compliance.domain.deadlines.facts import Fact
from compliance.domain.deadlines.ledger import Entry, ledger_delta
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.suspensions import TICK
from compliance.domain.deadlines.timeline import BreachInterval, Timeline
from compliance.domain.vocabulary import BreachEnd, ObligationKind, Reason, Status, TargetBound
from compliance.models.bulk import fetch
from compliance.models.deadlines.terms import Duty, terms_of


class DeadlineRow(NamedTuple):
    """The columns of a deadline and its obligation that a check needs."""

    id: int
    agreement_id: int
    begins_at: datetime
    is_start_presumed: bool
    starts_at: datetime | None
    original_due_on: date | None
    original_due_at: datetime | None
    original_unmet_at: datetime | None
    original_earliest_due_at: datetime | None
    moves: list[dict[str, Any]] | None
    is_withdrawn: bool
    timezone: str
    recorded_at: datetime | None
    quarantine_error: str
    facts_head: bytes | None
    ledger_head: bytes | None
    status: str
    status_since: datetime
    due_on: date | None
    due_at: datetime | None
    unmet_at: datetime | None
    earliest_due_at: datetime | None
    is_ambiguous: bool
    is_closed: bool
    performed_quantity: Decimal | None
    target_quantity: Decimal | None
    accepted_share: Decimal | None
    measured_quantity: Decimal | None
    next_check_at: datetime | None
    duty_kind: str
    duty_target: Decimal | None
    duty_bound: str
    has_due_rule: bool
    survives_termination: bool
    ends_on: date | None


def status_problem(
    row: DeadlineRow,
    facts: Sequence[Fact],
    entries: Sequence[Mapping[str, Any]],
    breaches: Sequence[BreachInterval],
    as_of: datetime,
) -> str:
    """Return how a deadline differs from its projection; empty if it does not."""
    # It may have been refreshed after the check began. If the sweep is behind, the state before
    # the change that fell due is also right.
    at = max(as_of, row.recorded_at or as_of)
    if row.next_check_at is not None and row.next_check_at <= at:
        at = row.next_check_at - TICK
    try:
        duty = Duty(
            kind=ObligationKind(row.duty_kind),
            target_quantity=row.duty_target,
            target_bound=TargetBound(row.duty_bound),
            has_due_rule=row.has_due_rule,
            survives_termination=row.survives_termination,
            ends_on=row.ends_on,
        )
        timeline = project(terms_of(row, duty), facts)
        recorded = [_entry_of(each) for each in entries]
        is_in_ledger = not ledger_delta(recorded, timeline.until(at))
        has_breaches = not breach_changes(breaches, timeline.breaches(at))
    except Exception as error:  # Pacta never writes values that cannot be read
        return f"It cannot be projected: {error!r}."
    following = timeline.next_after(at)
    if following is not None and (row.next_check_at is None or row.next_check_at > following):
        # An earlier check is harmless: notification steps lie between the changes.
        return f"Its next check is at {row.next_check_at}, after its next change at {following}."
    expected = _columns(timeline, at)
    differing = [name for name, value in expected.items() if getattr(row, name) != value]
    if differing:
        stored = ", ".join(f"{name} {getattr(row, name)}" for name in differing)
        due = ", ".join(f"{expected[name]}" for name in differing)
        return f"Its status does not follow from its terms and facts: {stored} instead of {due}."
    if not is_in_ledger:
        return "Its ledger does not match its terms and facts."
    if not has_breaches:
        return "Its breaches do not match its terms and facts."
    if entries and (row.recorded_at is None or row.recorded_at < entries[-1]["recorded_at"]):
        return "Its latest ledger entry is later than its recorded_at."
    return ""


def _columns(timeline: Timeline, at: datetime) -> dict[str, object]:
    """Return what must be stored for a timeline."""
    # Before a deadline begins, it has the first status of its timeline.
    now = timeline.at(at) or timeline.transitions[0]
    return {
        "status": now.status,
        "status_since": timeline.status_since(at) or now.effective_at,
        "due_on": now.due and now.due.due_on,
        "due_at": now.due and now.due.due_at,
        "unmet_at": now.due and now.due.unmet_at,
        "earliest_due_at": now.due and now.due.earliest_due_at,
        "is_ambiguous": now.is_ambiguous,
        "is_closed": now.is_closed,
        "performed_quantity": now.performed,
        "target_quantity": now.target,
        "accepted_share": now.accepted_share,
        "measured_quantity": now.measured,
    }


def _entry_of(row: Mapping[str, Any]) -> Entry:
    return Entry(
        recorded_at=row["recorded_at"],
        effective_at=row["effective_at"],
        status=Status(row["status"]),
        reason=Reason(row["reason"]),
        fact_id=row["fact_id"],
        due_at=row["due_at"],
        unmet_at=row["unmet_at"],
        earliest_due_at=row["earliest_due_at"],
        performed=row["performed"],
        target=row["target"],
        accepted_share=row["accepted_share"],
        measured=row["measured"],
    )


def breaches_of(ids: Sequence[int]) -> dict[int, list[BreachInterval]]:
    found: dict[int, list[BreachInterval]] = defaultdict(list)
    for deadline_id, occurred_at, ended_at, end_reason in fetch(_BREACHES_OF, ids=ids):
        found[deadline_id].append(
            BreachInterval(
                occurred_at=occurred_at,
                ended_at=ended_at,
                end_reason=BreachEnd(end_reason) if end_reason else None,
            )
        )
    return found


_BREACHES_OF = """
    SELECT deadline_id, occurred_at, ended_at, end_reason
    FROM compliance_breach WHERE deadline_id = ANY(%(ids)s)
"""
