"""The overview page: unmet deadlines, the next due dates, and the state of the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, QuerySet, Value, When

from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.vocabulary import JobKind, MessageState, ObligationKind, Severity, Status
from compliance.models import Deadline, JobRun, Message, Outage

SHOWN = 10
AHEAD = timedelta(days=30)

_COMING = (Status.PENDING.value, Status.IN_GRACE.value)
_OPEN = (*_COMING, Status.HOLDING.value, Status.SUSPENDED.value)
_UNMET = tuple(status.value for status in BREACHED)

# Unmet deadlines first, the longest unmet at the top; then open ones, the next due first; then
# closed ones, the latest due first; then dormant ones. These are expressions and not plain columns,
# because otherwise the list would mark a column as sorted.
URGENCY = (
    Case(
        When(status__in=_UNMET, then=Value(0)),
        When(status__in=_OPEN, then=Value(1)),
        When(status=Status.DORMANT.value, then=Value(3)),
        default=Value(2),
    ),
    Case(When(status__in=(*_UNMET, *_OPEN), then=F("due_at"))).asc(nulls_last=True),
    Case(default=F("due_at")).desc(nulls_last=True),
    F("id").asc(),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The content of the overview page. Lists have at most `SHOWN` entries; counts are complete."""

    unmet: Sequence[Deadline]
    unmet_count: int
    coming: Sequence[Deadline]
    coming_count: int
    last_sweep: JobRun | None
    quarantined_count: int
    failed_count: int
    last_recomputation: JobRun | None
    last_audit: JobRun | None
    outages: Sequence[Outage]


def load(*, as_of: datetime) -> Overview:
    """Return the worst breaches, the deadlines due within 30 days, and the state of the service."""
    deadlines = prefetch_parties(Deadline.objects.listed())
    unmet = deadlines.filter(status__in=_UNMET)
    # Nothing is due on the day on which a period to maintain or refrain ends.
    coming = deadlines.filter(
        status__in=_COMING,
        obligation__kind=ObligationKind.ACHIEVE.value,
        due_at__gt=as_of,
        due_at__lte=as_of + AHEAD,
    )
    severities = [severity.value for severity in Severity]
    rank = Case(
        *(When(obligation__severity=word, then=Value(at)) for at, word in enumerate(severities))
    )
    return Overview(
        unmet=list(unmet.annotate(rank=rank).order_by("-rank", "status_since", "id")[:SHOWN]),
        unmet_count=unmet.count(),
        coming=list(coming.order_by("due_at", "id")[:SHOWN]),
        coming_count=coming.count(),
        last_sweep=JobRun.objects.finished(JobKind.SWEEP).first(),
        quarantined_count=Deadline.objects.listed().quarantined().count(),
        failed_count=Message.objects.filter(state=MessageState.FAILED.value).count(),
        last_recomputation=JobRun.objects.finished(JobKind.RECOMPUTATION).first(),
        last_audit=JobRun.objects.finished(JobKind.AUDIT).first(),
        outages=list(Outage.objects.filter(ended_at__isnull=True)),
    )


def prefetch_parties(deadlines: QuerySet[Deadline]) -> QuerySet[Deadline]:
    """Prefetch obligation, agreement and parties, in a fixed number of queries."""
    return deadlines.select_related("obligation", "agreement").prefetch_related(
        "obligation__sides__party"
    )
