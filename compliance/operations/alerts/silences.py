"""Start and end silences, which hold alerts back."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Max

from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.alerts.intents import AlertIntent
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import AlertKind
from compliance.models import Agreement, Breach, Deadline, Silence, User
from compliance.models.locks import for_update, lock_agreement
from compliance.models.people.readers import current_reader
from compliance.models.visibility import visible_to
from compliance.operations.alerts import alerts, delivery_times

log = structlog.get_logger(__name__)

LONGEST = timedelta(days=366)


@transaction.atomic
def create(*, draft: SilenceDraft, by: User, as_of: datetime) -> Silence:
    """Start a silence.

    Alerts are still created, and are sent when the silence ends if they are still true.

    Raises:
        Invalid: the agreement or deadline does not exist, or `until_at` is in the past or more
            than a year ahead.
    """
    found = Agreement.objects.filter(ref=draft.agreement)
    agreement = visible_to(found, current_reader()).first()
    if agreement is None:
        raise refusal("agreement", f"Agreement {draft.agreement} does not exist.")
    deadline = None
    if draft.deadline is not None:
        deadline = Deadline.objects.filter(pk=draft.deadline, agreement=agreement).first()
        if deadline is None:
            sentence = f"Agreement {agreement.ref} has no deadline {draft.deadline}."
            raise refusal("deadline", sentence)
    if not as_of < draft.until_at <= as_of + LONGEST:
        raise refusal("until_at", f"Give an instant within the next {LONGEST.days} days.")
    return Silence.objects.create(
        agreement=agreement,
        deadline=deadline,
        until_at=draft.until_at,
        reason=draft.reason,
        created_at=as_of,
        created_by=by,
    )


@transaction.atomic
def end(*, silence: Silence, as_of: datetime) -> Silence:
    """End a silence now, release the alerts it held back, and announce breaches that continue.

    Ending a silence that has already ended changes nothing.
    """
    lock_agreement(silence.agreement_id)
    silence = for_update(Silence.objects.all()).get(pk=silence.pk)
    if silence.ended_at is None:
        silence.ended_at = min(as_of, silence.until_at)
        silence.save(update_fields=["ended_at"])
        _announce(silence, as_of=as_of)
    return silence


def end_due(*, as_of: datetime) -> int:
    """End silences that have expired, each in its own transaction, and return their number.

    One that cannot be ended is logged and tried again by the next call. It does not block others.
    """
    due = Silence.objects.filter(ended_at__isnull=True, until_at__lte=as_of).order_by("id")
    count = 0
    for silence in due:
        try:
            end(silence=silence, as_of=as_of)
        except Exception:
            log.exception("silence not ended", silence=silence.pk)
        else:
            count += 1
    return count


def _announce(silence: Silence, *, as_of: datetime) -> None:
    """Announce continuing breaches, and release held alerts, at each recipient's delivery hours."""
    breaches = (
        Breach.objects.news()
        .filter(ended_at__isnull=True, deadline__agreement=silence.agreement_id)
        .select_related("deadline")
    )
    if silence.deadline_id is not None:
        breaches = breaches.filter(deadline=silence.deadline_id)
    # Recipients of an escalation are notified at the level they were reached at.
    levels = dict(
        breaches.filter(
            deadline__alerts__kind=AlertKind.ESCALATED.value,
            deadline__alerts__breach_at=F("occurred_at"),
        )
        .annotate(level=Max("deadline__alerts__level"))
        .values_list("pk", "level")
    )
    rows = [
        alerts.alert_row(
            AlertIntent(
                kind=AlertKind.SILENCE_ENDED,
                occasion=silence.ended_at or as_of,
                breach_at=breach.occurred_at,
                level=levels.get(breach.pk, 0),
            ),
            deadline=breach.deadline,
            created_at=as_of,
        )
        for breach in breaches
    ]
    hours = delivery_times.delivery_hours(as_of=as_of)
    delivery_times.reschedule_pending(
        agreement_id=silence.agreement_id,
        deadline_id=silence.deadline_id,
        hours=hours,
        as_of=as_of,
    )
    alerts.create(rows, hours=hours, as_of=as_of)
