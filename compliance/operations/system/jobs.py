"""Remove the records of job runs that are no longer of use."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun

# A sweep runs several times a minute and mostly finds nothing to do.
IDLE_SWEEPS_KEPT_FOR = timedelta(days=2)
# An audit runs every five minutes.
AUDITS_KEPT_FOR = timedelta(days=7)
# Without an end, a run was killed, or has been running for longer than any job may.
KILLED_RUNS_KEPT_FOR = timedelta(days=7)


def prune(*, as_of: datetime) -> int:
    """Delete sweeps that changed nothing, audits and killed runs that are old; return how many.

    The latest finished run of each kind stays, because the readiness check shows its age, and so
    do ledger checks, which are evidence.
    """
    idle_sweeps = Q(
        kind=JobKind.SWEEP.value,
        counts__refreshed=0,
        counts__quarantined=0,
        ended_at__lt=as_of - IDLE_SWEEPS_KEPT_FOR,
    )
    audits = Q(kind=JobKind.AUDIT.value, ended_at__lt=as_of - AUDITS_KEPT_FOR)
    killed = Q(ended_at__isnull=True, started_at__lt=as_of - KILLED_RUNS_KEPT_FOR)
    later = JobRun.objects.filter(kind=OuterRef("kind"), ended_at__gt=OuterRef("ended_at"))
    old = JobRun.objects.filter(killed | ((idle_sweeps | audits) & Exists(later)))
    deleted, _ = old.exclude(kind=JobKind.LEDGER_CHECK.value).delete()
    return deleted
