"""Celery tasks that beat sends regularly. Each does what is due now and carries no state."""

from __future__ import annotations

import logging

import orjson
from celery import shared_task
from celery.worker import state
from django.conf import settings
from django.utils import timezone

from compliance import delivery
from compliance.operations.agreements import recomputation
from compliance.operations.alerts import silences
from compliance.operations.deadlines import sweep as sweeping
from compliance.operations.evidence import orphans
from compliance.operations.integrity import seals
from compliance.operations.people import lockouts, passwords, sessions
from compliance.operations.system import audit_log, audits, jobs
from compliance.queries.integrity import tampering as integrity
from compliance.queries.system import audit as auditing
from compliance.queries.system import audit_log as audit_entries
from compliance.queries.system import health
from config.logs import AUDIT_LOGGER

# Entries of the audit log whose place is stored together.
_LOGGED_AT_ONCE = 1_000


@shared_task
def sweep() -> None:
    """Run the sweep and end silences whose time is up, even if the sweep fails."""
    now = timezone.now()
    try:
        sweeping.run(as_of=now)
    finally:
        silences.end_due(as_of=now)


@shared_task
def deliver() -> None:
    """Send pending email. Stops between two messages when the worker shuts down."""
    try:
        delivery.notify_approvers(
            as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None
        )
        passwords.send_requested_links(
            as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None
        )
    finally:
        delivery.deliver(as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None)


@shared_task
def call_webhooks() -> None:
    """Send pending webhook calls."""
    delivery.call_webhooks(as_of=timezone.now(), is_stopping=lambda: state.should_stop is not None)


@shared_task
def recompute() -> None:
    """Recompute due dates after data changes, and extend recurrences."""
    recomputation.run(as_of=timezone.now())


@shared_task
def audit() -> None:
    """Audit that every breach has its alerts and that every alert was delivered."""
    started_at = timezone.now()
    found = auditing.audit(as_of=started_at)
    audits.record(
        started_at=started_at,
        ended_at=timezone.now(),
        breaches=found.breaches,
        alerts=found.alerts,
        problems=found.problems,
    )


@shared_task
def beat_heart() -> None:
    """Call the outside monitor if the service works."""
    checks = health.readiness(as_of=timezone.now())
    if all(checks[name].state == "ok" for name in ("database", "sweep", "alerts", "audit")):
        delivery.beat()


@shared_task
def seal() -> None:
    """Create the daily seal, and mail seals that have not been mailed yet."""
    now = timezone.now()
    seals.seal(as_of=now)
    delivery.mail_seals(as_of=now)


@shared_task
def verify_ledger() -> None:
    """Run the daily ledger check, and notify the administrators of problems."""
    started_at = timezone.now()
    if not seals.is_check_due(as_of=started_at):
        return
    found = integrity.check(as_of=started_at)
    check = seals.record_check(
        started_at=started_at,
        ended_at=timezone.now(),
        deadlines=found.deadlines,
        facts=found.facts,
        entries=found.entries,
        problems=found.problems,
    )
    if check.problems:
        delivery.mail_check(check)


@shared_task
def remove_orphaned_files() -> None:
    """Remove the files that failed uploads left behind."""
    orphans.remove(as_of=timezone.now())


@shared_task
def prune_job_runs() -> None:
    """Remove old records of job runs that are no longer of use."""
    jobs.prune(as_of=timezone.now())


@shared_task
def prune_sign_ins() -> None:
    """Remove expired sessions and counts of attempts. Anybody can cause them."""
    now = timezone.now()
    lockouts.prune(as_of=now)
    sessions.prune(as_of=now)


@shared_task
def publish_audit_log() -> None:
    """Publish audit entries, and write them as log lines if there is a place for these."""
    while audit_log.publish() == audit_log.MOST_PUBLISHED:
        pass
    while settings.AUDIT_LOG and audit_log.export(write=_log_entries):
        pass


def _log_entries(position: int) -> int | None:
    rows = audit_entries.after(position, limit=_LOGGED_AT_ONCE)
    logger = logging.getLogger(AUDIT_LOGGER)
    for row in rows:
        logger.info(orjson.dumps(row, option=orjson.OPT_UTC_Z).decode())
    return rows[-1]["position"] if rows else None
