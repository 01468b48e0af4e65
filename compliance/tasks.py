"""The ticks that Celery beat sends. Each does what is due now; none carries any state."""

from __future__ import annotations

from celery import shared_task
from celery.worker import state
from django.utils import timezone

from compliance import delivery
from compliance.operations.alerts import silences
from compliance.operations.deadlines import recomputation
from compliance.operations.deadlines import sweep as sweeping
from compliance.operations.integrity import seals
from compliance.operations.system import audits
from compliance.queries.integrity import tampering as integrity
from compliance.queries.system import audit as auditing
from compliance.queries.system import health


@shared_task
def sweep() -> None:
    """Flag what fell due; end the silences whose time is over."""
    now = timezone.now()
    sweeping.run(as_of=now)
    silences.end_due(as_of=now)


@shared_task
def deliver() -> None:
    """Send what waits to be told; end between two mails when the worker is asked to."""
    delivery.deliver(as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None)


@shared_task
def call_webhooks() -> None:
    """Call the webhooks for which something waits."""
    delivery.call_webhooks(as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None)


@shared_task
def recompute() -> None:
    """Work out again what follows data that has changed; make recurrences ahead."""
    recomputation.run(as_of=timezone.now())


@shared_task
def audit() -> None:
    """Prove that every breach has its alerts, and every alert its end."""
    started_at = timezone.now()
    found = auditing.audit(as_of=started_at)
    audits.note(
        started_at=started_at,
        ended_at=timezone.now(),
        breaches=found.breaches,
        alerts=found.alerts,
        problems=found.problems,
    )


@shared_task
def beat_heart() -> None:
    """Give whoever watches from outside a sign of life, if deadlines are flagged and told."""
    checks = health.readiness(as_of=timezone.now())
    if all(checks[name].state == "ok" for name in ("database", "sweep", "alerts", "audit")):
        delivery.beat()


@shared_task
def seal() -> None:
    """Seal what is recorded, once a day; mail the seals that were not mailed yet."""
    now = timezone.now()
    seals.seal(as_of=now)
    delivery.mail_seals(as_of=now)


@shared_task
def verify_ledger() -> None:
    """Check, once a day, whether everything is as it was recorded; tell the administrators if
    anything is not."""
    started_at = timezone.now()
    if not seals.is_check_due(as_of=started_at):
        return
    found = integrity.check(as_of=started_at)
    check = seals.note_check(
        started_at=started_at,
        ended_at=timezone.now(),
        deadlines=found.deadlines,
        facts=found.facts,
        entries=found.entries,
        problems=found.problems,
    )
    if not check.is_clean:
        delivery.mail_check(check)
