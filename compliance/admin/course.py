"""What the page of one deadline shows, gathered: its course with reasons, and all said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.domain.timeline import Transition
from compliance.domain.vocabulary import FactKind, Reason
from compliance.models import Alert, Breach, Deadline, Evidence, Fact, Position
from compliance.queries import deadlines
from compliance.queries.standing import standing_facts

_REASONS: Mapping[Reason, str] = {
    Reason.AGREED: "It was agreed.",
    Reason.DUE_PASSED: "The due instant passed, and nothing had been accepted.",
    Reason.GRACE_ENDED: "The grace period ended, and nothing had been accepted.",
    Reason.PERFORMED: "A performance was recorded.",
    Reason.PART_PERFORMED: "A part was performed; the target is not reached.",
    Reason.EXTENDED: "The due date was extended.",
    Reason.WAIVED: "It was waived.",
    Reason.CANCELLED: "It was cancelled.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One line of the course."""

    at: SafeString
    local: str
    badge: SafeString
    reason: str
    fact_id: int | None
    is_projected: bool
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """One fact or position, with when it holds and where it is supported."""

    row: Fact | Position
    when: str
    when_utc: str
    recorded: SafeString
    evidence: Sequence[Evidence]
    is_standing: bool = True
    new_due: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """One breach."""

    row: Breach
    occurred: SafeString
    detected: SafeString
    ended: SafeString
    length: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One alert, and what became of it."""

    row: Alert
    created: SafeString
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Everything on the page of one deadline."""

    deadline: Deadline
    standing: SafeString
    severity: SafeString
    since: SafeString
    lateness: str
    due: str
    due_utc: SafeString
    unmet_utc: SafeString | None
    original_due_utc: SafeString | None
    obligors: str
    obligees: str
    target: str
    steps: Sequence[Step]
    facts: Sequence[Saying]
    positions: Sequence[Saying]
    evidence: Sequence[Evidence]
    breaches: Sequence[Interval]
    alerts: Sequence[Told]
    alert_count: int


SHOWN_ALERTS = 20


def page_of(deadline: Deadline, *, as_of: datetime) -> Page:
    """Gather the page, in a number of queries that does not grow with what is shown."""
    obligation = deadline.obligation
    zone = deadline.timezone
    parties: dict[str, list[str]] = {"obligor": [], "obligee": []}
    for side in obligation.sides.all():
        parties[side.capacity].append(f"{side.party.name} ({side.party.code})")
    alerts = deadline.alerts.select_related("message").order_by("-id")
    target = obligation.target_quantity
    return Page(
        deadline=deadline,
        standing=badges.standing(deadline),
        severity=badges.badge(obligation.severity),
        since=moments.utc(deadline.status_since, zone),
        lateness=badges.lateness(deadline, as_of),
        due=moments.due_text(deadline),
        due_utc=moments.utc(deadline.due_at, zone),
        unmet_utc=(
            moments.utc(deadline.unmet_at, zone) if deadline.unmet_at > deadline.due_at else None
        ),
        original_due_utc=(
            moments.utc(deadline.original_due_at, zone)
            if deadline.original_due_at != deadline.due_at
            else None
        ),
        obligors=", ".join(parties["obligor"]),
        obligees=", ".join(parties["obligee"]),
        target=f"{target.normalize():f} {obligation.unit}".strip() if target is not None else "",
        steps=_steps(deadline, as_of),
        facts=_facts(deadline),
        positions=_positions(deadline),
        evidence=list(obligation.evidence.select_related("asserted_by").order_by("id")),
        breaches=[_interval(breach, zone, as_of) for breach in deadline.breaches.all()],
        alerts=[_told(alert) for alert in alerts[:SHOWN_ALERTS]],
        alert_count=alerts.count(),
    )


def _steps(deadline: Deadline, as_of: datetime) -> list[Step]:
    try:
        timeline = deadlines.timeline(deadline.pk)
    except (ValueError, ArithmeticError):
        # It is set aside; the page says so, and with what error.
        timeline = None
    if timeline is None:
        return []
    current = timeline.at(as_of)
    return [
        Step(
            at=moments.utc(each.effective_at, deadline.timezone),
            local=moments.local_text(each.effective_at, deadline.timezone),
            badge=badges.badge(each.status.value),
            reason=_reason(each, deadline),
            fact_id=each.fact_id,
            is_projected=each.effective_at > as_of,
            is_current=each is current,
        )
        for each in timeline.transitions
    ]


def _reason(transition: Transition, deadline: Deadline) -> str:
    if transition.reason is Reason.EXTENDED:
        until = moments.local_text(transition.due.due_at, deadline.timezone)
        return f"The due date was extended to {transition.due.due_on} (before {until})."
    return _REASONS[transition.reason]


def _facts(deadline: Deadline) -> list[Saying]:
    standing = {fact.pk for fact in standing_facts(deadline)}
    rows = deadline.facts.select_related("recorded_by").prefetch_related("evidence")
    return [
        Saying(
            row=fact,
            when=_when(fact.effective_at, fact.effective_on, deadline.timezone),
            when_utc=moments.utc_text(fact.effective_at),
            recorded=moments.utc(fact.recorded_at, deadline.timezone),
            evidence=list(fact.evidence.all()),
            is_standing=fact.pk in standing or fact.kind == FactKind.RETRACTION.value,
            new_due=str(fact.due_on) if fact.due_on else "",
        )
        for fact in rows.order_by("effective_at", "id")
    ]


def _positions(deadline: Deadline) -> list[Saying]:
    rows = deadline.positions.select_related("party", "recorded_by").prefetch_related("evidence")
    return [
        Saying(
            row=position,
            when=_when(position.stated_at, position.stated_on, deadline.timezone),
            when_utc=moments.utc_text(position.stated_at),
            recorded=moments.utc(position.recorded_at, deadline.timezone),
            evidence=list(position.evidence.all()),
        )
        for position in rows.order_by("stated_at", "id")
    ]


def _when(at: datetime, on: object, timezone: str) -> str:
    return str(on) if on else moments.local_text(at, timezone)


def _interval(breach: Breach, zone: str, as_of: datetime) -> Interval:
    return Interval(
        row=breach,
        occurred=moments.utc(breach.occurred_at, zone),
        detected=moments.utc(breach.detected_at, zone),
        ended=moments.utc(breach.ended_at, zone),
        length=moments.distance(breach.ended_at or as_of, breach.occurred_at),
    )


def _told(alert: Alert) -> Told:
    return Told(row=alert, created=moments.utc(alert.created_at), outcome=outcome(alert))


def outcome(alert: Alert) -> str:
    """What became of an alert, in words."""
    if alert.withdrawn_at:
        return "withdrawn"
    if alert.message is None:
        return "waiting"
    if alert.message.sent_at:
        return f"sent {moments.utc_text(alert.message.sent_at)}"
    return str(alert.message.state)
