"""The content of the page of a deadline: status and timeline with reasons, and all records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.http import HttpRequest
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.alerts.alerts import AlertRow, alert_rows
from compliance.admin.alerts.silences import SilenceRow, silence_rows
from compliance.admin.deadlines.breaches import BreachRow, breach_rows
from compliance.admin.deadlines.facts import FactRow, fact_rows
from compliance.admin.deadlines.positions import PositionRow, position_rows
from compliance.admin.deadlines.recomputations import RecomputedRow, recomputed_rows
from compliance.admin.deadlines.replacements import (
    ReplacementLink,
    replaced_links,
    successor_link,
)
from compliance.admin.visible import reader
from compliance.domain.civil_time import UnknownTimeZone, zone_label, zone_names
from compliance.domain.deadlines.amounts import amount_text, target_text
from compliance.domain.deadlines.pace import expected_by, pace
from compliance.domain.deadlines.reasons import REASON_SENTENCES
from compliance.domain.deadlines.summaries import period_of_change
from compliance.domain.deadlines.timeline import BREACHED, Transition
from compliance.domain.due_dates.due_rules import parse_due_rule
from compliance.domain.due_dates.previews import waits_for
from compliance.domain.quantities import number_text, percent_text
from compliance.domain.vocabulary import Capacity, ObligationKind, Reason, Status, TargetBound
from compliance.models import Deadline, Evidence
from compliance.models.deadlines.deadlines import NO_DUE, warnings_about
from compliance.models.deadlines.fact_values import fact_summaries
from compliance.models.people.readers import Reader
from compliance.operations.deadlines import judged
from compliance.queries.deadlines import timelines
from compliance.queries.deadlines.paces import begins_at
from compliance.queries.deadlines.why import explanation
from compliance.queries.point_in_time import PointInTime

_SHOWN_ALERTS = 20
_NEW_DUE_DATES = {
    Reason.EXTENDED: "The due date was extended to {}.",
    Reason.RESCHEDULED: "The date from which it is counted has changed. It is now due {}.",
    Reason.TRIGGERED: "The event that the deadline was waiting for has happened. It is now due {}.",
}
_MISSED = frozenset({Reason.DUE_PASSED, Reason.GRACE_ENDED})
_PACED = frozenset({Status.PENDING, Status.IN_GRACE, Status.UNMET, Status.PARTLY_MET})


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineStep:
    """One change of status in the timeline."""

    at: SafeString | str
    local: str
    badge: SafeString
    reason: str
    fact_id: int | None
    is_projected: bool
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadlinePage:
    """The content of the page of one deadline."""

    deadline: Deadline
    status: SafeString
    explanation: str
    severity: SafeString
    since: SafeString
    lateness: str
    due: str
    zone: str
    is_continuous: bool
    due_utc: SafeString | None
    ambiguous_window: tuple[SafeString, SafeString] | None
    starts_utc: SafeString | None
    unmet_utc: SafeString | None
    original_due_utc: SafeString | None
    obligors: str
    obligees: str
    responsible: str
    quantity: str
    is_measured: bool
    trace: Sequence[str]
    warnings: Sequence[str]
    waits_for: str
    recomputed: Sequence[RecomputedRow]
    timeline: Sequence[TimelineStep]
    facts: Sequence[FactRow]
    positions: Sequence[PositionRow]
    evidence: Sequence[Evidence]
    breaches: Sequence[BreachRow]
    alerts: Sequence[AlertRow]
    alert_count: int
    alerts_url: str
    agreement_url: str
    silences: Sequence[SilenceRow]
    successor: ReplacementLink | None
    replaces: Sequence[ReplacementLink]


def deadline_page(deadline: Deadline, request: HttpRequest, *, as_of: datetime) -> DeadlinePage:
    """Return the content of the page, in a number of queries that does not depend on its size."""
    obligation, viewer = deadline.obligation, reader(request)
    responsible = obligation.responsibilities.select_related("user", "team")
    zone = deadline.timezone
    due_at, earliest_due_at, unmet_at = deadline.due_at, deadline.earliest_due_at, deadline.unmet_at
    starts_at = deadline.starts_at
    has_grace = due_at is not None and unmet_at is not None and unmet_at > due_at
    is_original = deadline.original_due_at in (None, due_at)
    utc = instants.utc_html
    return DeadlinePage(
        deadline=deadline,
        status=badges.status_badges(deadline),
        explanation=_explanation(deadline, viewer, as_of),
        severity=badges.badge(obligation.severity),
        since=utc(deadline.status_since, zone),
        lateness=badges.lateness(deadline, as_of),
        due=instants.due_text(deadline),
        zone=zone_label(zone),
        is_continuous=obligation.kind != ObligationKind.ACHIEVE.value,
        due_utc=utc(due_at, zone) if due_at else None,
        ambiguous_window=(
            (utc(earliest_due_at, zone), utc(due_at, zone)) if earliest_due_at else None
        ),
        starts_utc=utc(starts_at, zone) if starts_at and starts_at < NO_DUE else None,
        unmet_utc=utc(unmet_at, zone) if has_grace else None,
        original_due_utc=None if is_original else utc(deadline.original_due_at, zone),
        obligors=_party_names(deadline, Capacity.OBLIGOR),
        obligees=_party_names(deadline, Capacity.OBLIGEE),
        responsible=", ".join(each.name for each in responsible),
        quantity=_quantity(deadline, as_of),
        is_measured=deadline.measured_quantity is not None,
        trace=_trace(deadline),
        warnings=_warnings(deadline),
        waits_for=_waits_for(deadline),
        recomputed=recomputed_rows(deadline),
        timeline=_timeline(deadline, viewer, as_of),
        facts=fact_rows(deadline),
        positions=position_rows(deadline),
        evidence=list(obligation.evidence.select_related("asserted_by").order_by("id")),
        breaches=breach_rows(deadline, as_of=as_of),
        alerts=alert_rows(deadline, limit=_SHOWN_ALERTS),
        alert_count=deadline.alerts.count(),
        alerts_url=urls.deadline_alerts_url(deadline.pk),
        agreement_url=urls.agreement_url(deadline.agreement_id),
        silences=silence_rows(deadline, as_of=as_of),
        successor=successor_link(deadline, request),
        replaces=replaced_links(deadline, request),
    )


def _warnings(deadline: Deadline) -> list[str]:
    found = warnings_about(deadline.warnings, deadline.due_at)
    if deadline.timezone in zone_names():
        return found
    return [*found, str(UnknownTimeZone(deadline.timezone))]


def _party_names(deadline: Deadline, capacity: Capacity) -> str:
    sides = deadline.obligation.sides.all()
    parties = [side.party for side in sides if side.capacity == capacity.value]
    if capacity is Capacity.OBLIGOR and deadline.party_id is not None:
        parties = [party for party in parties if party.pk == deadline.party_id]
    return ", ".join(f"{party.name} ({party.code})" for party in parties)


def _explanation(deadline: Deadline, viewer: Reader, as_of: datetime) -> str:
    try:
        found = explanation(deadline.pk, PointInTime(), reader=viewer, now=as_of)
    except (ValueError, ArithmeticError):
        # The deadline is quarantined. The page shows the error instead.
        return ""
    return found.paragraph if found is not None else ""


def _timeline(deadline: Deadline, viewer: Reader, as_of: datetime) -> list[TimelineStep]:
    try:
        timeline = timelines.timeline(deadline.pk, reader=viewer)
    except (ValueError, ArithmeticError):
        # The deadline is quarantined. The page shows the error instead.
        timeline = None
    if timeline is None:
        return []
    current = timeline.at(as_of)
    facts = fact_summaries(each.fact_id for each in timeline.transitions)
    periods = [
        period_of_change(each.effective_at, facts.get(each.fact_id or 0), deadline.timezone)
        for each in timeline.transitions
    ]
    return [
        TimelineStep(
            at=period or instants.utc_html(each.effective_at, deadline.timezone),
            local="" if period else instants.local_text(each.effective_at, deadline.timezone),
            badge=badges.badge(each.status.value),
            reason=_reason(each, deadline),
            fact_id=each.fact_id,
            is_projected=each.effective_at > as_of,
            is_current=each is current,
        )
        for each, period in zip(timeline.transitions, periods, strict=True)
    ]


def _reason(transition: Transition, deadline: Deadline) -> str:
    due = transition.due
    if transition.status is Status.PARTLY_MET and transition.reason in _MISSED:
        passed = REASON_SENTENCES[transition.reason].partition(" without")[0]
        return f"{passed}, and only part of it was performed."
    if transition.is_closed and transition.status in BREACHED:
        closed = transition.status.value.replace("_", " ")
        return f"{REASON_SENTENCES[transition.reason]} It is closed as {closed}."
    sentence = _NEW_DUE_DATES.get(transition.reason)
    if sentence is None or due is None:
        return REASON_SENTENCES[transition.reason]
    local = instants.local_text(due.due_at, deadline.timezone)
    return sentence.format(f"{due.due_on} (before {local})")


def _quantity(deadline: Deadline, as_of: datetime) -> str:
    """Return the performed quantity, and how it compares with an even pace until the due date.

    Return the value in force if there is one. Without a target, return the share that
    determinations accept.
    """
    target, due_at = deadline.target_quantity, deadline.due_at
    if target is None:
        target = deadline.obligation.target_quantity
    if target is None:
        share = deadline.accepted_share
        return "" if share is None else f"{percent_text(share)} accepted"
    obligation, unit = deadline.obligation, deadline.obligation.unit
    bounded = target_text(target, TargetBound(obligation.target_bound), unit)
    if deadline.measured_quantity is not None:
        return f"{amount_text(deadline.measured_quantity, unit)}; the target is {bounded}"
    if deadline.performed_quantity is None:
        return f"nothing measured; the target is {bounded}"
    done = f"{number_text(deadline.performed_quantity)} of {number_text(target)} {unit}".strip()
    if due_at is None or deadline.is_closed or Status(deadline.status) not in _PACED:
        return done
    starts_at = deadline.starts_at or begins_at(deadline.pk)
    expected = expected_by(as_of, starts_at=starts_at, due_at=due_at, target=target)
    share = pace(deadline.performed_quantity, expected)
    if share is None:
        return done
    even = f"{number_text(expected.quantize(Decimal('0.01')))} {unit}".strip()
    return f"{done}; an even pace would be {even} by now ({share:.0%} of it reached)"


def _trace(deadline: Deadline) -> list[str]:
    """Return how the due date was computed, and with which version of the data."""
    version = deadline.data_version
    last = f"Computed with {version}." if version else "It is being recomputed."
    if version == judged.KEPT:
        last = "Computed with the data of the time when it was closed."
    return [*deadline.trace, last] if deadline.trace else []


def _waits_for(deadline: Deadline) -> str:
    """Return the event that a dormant deadline waits for, as a sentence."""
    if deadline.status != Status.DORMANT.value:
        return ""
    rule = deadline.obligation.due
    return waits_for(parse_due_rule(rule)) if rule else ""
