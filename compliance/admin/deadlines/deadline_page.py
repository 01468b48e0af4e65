"""What the page of one deadline shows, gathered: its course with reasons, and all said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.domain.deadlines.explanations import BECAUSE
from compliance.domain.deadlines.pace import expected_by, pace
from compliance.domain.deadlines.timeline import Transition
from compliance.domain.due_dates.due_rules import parse_due_rule
from compliance.domain.due_dates.previews import waits_for
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Status
from compliance.models import (
    Alert,
    Breach,
    Deadline,
    Evidence,
    Fact,
    Message,
    Move,
    Position,
    Silence,
)
from compliance.models.deadlines.deadlines import NO_DUE
from compliance.queries.deadlines import deadlines
from compliance.queries.deadlines.deadlines import Moment
from compliance.queries.deadlines.effective_facts import standing_facts
from compliance.queries.deadlines.why import explanation

_NEW_DATES = {
    Reason.EXTENDED: "The due date was extended to {}.",
    Reason.RESCHEDULED: "The due date moved with what it is counted from, to {}.",
    Reason.TRIGGERED: "What it waited for happened: it is due {}.",
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
    until: str = ""
    is_of_agreement: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """One breach."""

    row: Breach
    occurred: SafeString
    detected: SafeString
    ended: SafeString
    length: str
    acknowledged_until: SafeString | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One alert, and what became of it."""

    row: Alert
    recipient: str
    created: SafeString
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Silent:
    """A silence that holds alerts about the deadline back."""

    row: Silence
    until: SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """That the due date moved with the data it is worked out from, or could not be worked out."""

    row: Move
    ended: SafeString
    from_due: SafeString
    to_due: SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Everything on the page of one deadline."""

    deadline: Deadline
    standing: SafeString
    why: str
    severity: SafeString
    since: SafeString
    lateness: str
    due: str
    is_kept: bool
    due_utc: SafeString | None
    window: tuple[SafeString, SafeString] | None
    starts_utc: SafeString | None
    unmet_utc: SafeString | None
    original_due_utc: SafeString | None
    obligors: str
    obligees: str
    quantity: str
    trace: Sequence[str]
    warnings: Sequence[str]
    waits_for: str
    moves: Sequence[Moved]
    steps: Sequence[Step]
    facts: Sequence[Saying]
    positions: Sequence[Saying]
    evidence: Sequence[Evidence]
    breaches: Sequence[Interval]
    alerts: Sequence[Told]
    alert_count: int
    silences: Sequence[Silent]


SHOWN_ALERTS = 20
SHOWN_MOVES = 10


def page_of(deadline: Deadline, *, as_of: datetime) -> Page:
    """Gather the page, in a number of queries that does not grow with what is shown."""
    obligation = deadline.obligation
    zone = deadline.timezone
    parties: dict[str, list[str]] = {"obligor": [], "obligee": []}
    for side in obligation.sides.all():
        parties[side.capacity].append(f"{side.party.name} ({side.party.code})")
    alerts = deadline.alerts.select_related("message__webhook").order_by("-id")
    due_at, first_at, unmet_at = deadline.due_at, deadline.first_at, deadline.unmet_at
    starts_at = deadline.starts_at
    has_grace = due_at is not None and unmet_at is not None and unmet_at > due_at
    is_first = deadline.original_due_at in (None, due_at)
    return Page(
        deadline=deadline,
        standing=badges.standing(deadline),
        why=_why(deadline, as_of),
        severity=badges.badge(obligation.severity),
        since=moments.utc(deadline.status_since, zone),
        lateness=badges.lateness(deadline, as_of),
        due=moments.due_text(deadline),
        is_kept=obligation.kind != ObligationKind.ACHIEVE.value,
        due_utc=moments.utc(due_at, zone) if due_at else None,
        window=(moments.utc(first_at, zone), moments.utc(due_at, zone)) if first_at else None,
        starts_utc=moments.utc(starts_at, zone) if starts_at and starts_at < NO_DUE else None,
        unmet_utc=moments.utc(unmet_at, zone) if has_grace else None,
        original_due_utc=None if is_first else moments.utc(deadline.original_due_at, zone),
        obligors=", ".join(parties["obligor"]),
        obligees=", ".join(parties["obligee"]),
        quantity=_quantity(deadline, as_of),
        trace=_trace(deadline),
        warnings=deadline.warnings,
        waits_for=_waits_for(deadline),
        moves=_moves(deadline),
        steps=_steps(deadline, as_of),
        facts=_facts(deadline),
        positions=_positions(deadline),
        evidence=list(obligation.evidence.select_related("asserted_by").order_by("id")),
        breaches=[_interval(breach, zone, as_of) for breach in deadline.breaches.all()],
        alerts=[_told(alert) for alert in alerts[:SHOWN_ALERTS]],
        alert_count=alerts.count(),
        silences=_silences(deadline, as_of),
    )


def _silences(deadline: Deadline, as_of: datetime) -> list[Silent]:
    about = Q(deadline=deadline) | Q(deadline__isnull=True)
    rows = deadline.agreement.silences.filter(about, ended_at__isnull=True, until_at__gt=as_of)
    return [
        Silent(row=silence, until=moments.utc(silence.until_at, deadline.timezone))
        for silence in rows
    ]


def _why(deadline: Deadline, as_of: datetime) -> str:
    try:
        found = explanation(deadline.pk, Moment(), now=as_of)
    except (ValueError, ArithmeticError):
        # It is set aside; the page says so, and with what error.
        return ""
    return found.paragraph if found is not None else ""


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
    due = transition.due
    if transition.status is Status.PARTLY_MET and transition.reason in _PASSED:
        return f"{BECAUSE[transition.reason].partition(',')[0]}, and only a part was performed."
    sentence = _NEW_DATES.get(transition.reason)
    if sentence is None or due is None:
        return BECAUSE[transition.reason]
    until = moments.local_text(due.due_at, deadline.timezone)
    return sentence.format(f"{due.due_on} (before {until})")


def _quantity(deadline: Deadline, as_of: datetime) -> str:
    """How much has been performed, and how much an even delivery would have brought by now."""
    target, due_at = deadline.target_quantity, deadline.due_at
    if target is None:
        target = deadline.obligation.target_quantity
    if target is None:
        return ""
    unit = deadline.obligation.unit
    done = f"{_number(deadline.performed_quantity)} of {_number(target)} {unit}".strip()
    if due_at is None or Status(deadline.status) not in _PACED:
        return done
    starts_at = deadline.starts_at or deadline.begins_at
    expected = expected_by(as_of, starts_at=starts_at, due_at=due_at, target=target)
    share = pace(deadline.performed_quantity, expected)
    if share is None:
        return done
    even = f"{_number(expected.quantize(Decimal('0.01')))} {unit}".strip()
    return f"{done}; delivered evenly, {even} by now ({share:.0%})"


_PASSED = frozenset({Reason.DUE_PASSED, Reason.GRACE_ENDED})
_PACED = frozenset({Status.PENDING, Status.IN_GRACE, Status.UNMET, Status.PARTLY_MET})


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _trace(deadline: Deadline) -> list[str]:
    """How the due date came about, and the data that it was worked out with."""
    version = deadline.data_version
    last = f"Computed with {version}." if version else "It is being worked out again."
    return [*deadline.trace, last] if deadline.trace else []


def _waits_for(deadline: Deadline) -> str:
    """What a dormant deadline waits for, in a sentence."""
    if deadline.status != Status.DORMANT.value:
        return ""
    rule = deadline.obligation.due
    return waits_for(parse_due_rule(rule)) if rule else ""


def _moves(deadline: Deadline) -> list[Moved]:
    rows = Move.objects.filter(deadline=deadline).select_related("recomputation").order_by("-id")
    zone = deadline.timezone
    return [
        Moved(
            row=move,
            ended=moments.utc(move.recomputation.ended_at or move.recomputation.started_at, zone),
            from_due=moments.utc(move.from_due_at, zone),
            to_due=moments.utc(move.to_due_at, zone),
        )
        for move in rows[:SHOWN_MOVES]
    ]


def _facts(deadline: Deadline) -> list[Saying]:
    standing = {fact.pk for fact in standing_facts(deadline)}
    about = Q(deadline=deadline)
    if not deadline.obligation.is_surviving:
        about |= Q(agreement=deadline.agreement_id)
        standing |= {fact.pk for fact in standing_facts(deadline.agreement)}
    rows = Fact.objects.filter(about)
    rows = rows.select_related("recorded_by").prefetch_related("evidence")
    return [
        Saying(
            row=fact,
            when=_when(fact.effective_at, fact.effective_on, deadline.timezone),
            when_utc=moments.utc_text(fact.effective_at),
            recorded=moments.utc(fact.recorded_at, deadline.timezone),
            evidence=list(fact.evidence.all()),
            is_standing=fact.pk in standing or fact.kind == FactKind.RETRACTION.value,
            new_due=str(fact.due_on) if fact.due_on else "",
            until=_until(fact, deadline.timezone),
            is_of_agreement=fact.agreement_id is not None,
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


def _until(fact: Fact, timezone: str) -> str:
    if fact.kind not in (FactKind.VIOLATION.value, FactKind.SUSPENSION.value):
        return ""
    if fact.until_at is None:
        return "until further notice"
    if fact.until_on is not None:
        return f"until the end of {fact.until_on}"
    return f"until {moments.local_text(fact.until_at, timezone)}"


def _interval(breach: Breach, zone: str, as_of: datetime) -> Interval:
    until = breach.acknowledged_until
    return Interval(
        row=breach,
        occurred=moments.utc(breach.occurred_at, zone),
        detected=moments.utc(breach.detected_at, zone),
        ended=moments.utc(breach.ended_at, zone),
        length=moments.distance(breach.ended_at or as_of, breach.occurred_at),
        acknowledged_until=moments.utc(until, zone) if until else None,
    )


def _told(alert: Alert) -> Told:
    return Told(
        row=alert,
        recipient=recipient(alert.recipient, alert.message),
        created=moments.utc(alert.created_at),
        outcome=outcome(alert),
    )


def recipient(address: str, message: Message | None) -> str:
    """To whom an alert or message goes: a mail address, or the name of a webhook."""
    webhook = message.webhook if message is not None else None
    return webhook.name if webhook is not None else address


def outcome(alert: Alert) -> str:
    """What became of an alert, in words."""
    if alert.withdrawn_at:
        return "withdrawn"
    if alert.message is None:
        return "waiting"
    if alert.message.sent_at:
        return f"sent {moments.utc_text(alert.message.sent_at)}"
    return str(alert.message.state)
