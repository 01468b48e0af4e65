"""The overview page: unmet deadlines, the next due dates, and the state of the service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import Case, F, Prefetch, QuerySet, Value, When

from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.vocabulary import JobKind, MessageState, ObligationKind, Severity, Status
from compliance.models import (
    Deadline,
    Fact,
    JobRun,
    Message,
    Outage,
    RecomputedDeadline,
    Responsibility,
)
from compliance.models.people.readers import Reader
from compliance.models.visibility import visible_to

SHOWN = 10
AHEAD = timedelta(days=30)

_COMING = (Status.PENDING.value, Status.IN_GRACE.value)
_OPEN = (*_COMING, Status.HOLDING.value, Status.SUSPENDED.value)
UNMET = tuple(status.value for status in BREACHED)

# Unmet deadlines first, the longest unmet at the top; then open ones, the next due first; then
# closed ones, the latest due first; then dormant ones. These are expressions and not plain columns,
# because otherwise the list would mark a column as sorted.
URGENCY = (
    Case(
        When(status__in=UNMET, is_closed=False, then=Value(0)),
        When(status__in=_OPEN, then=Value(1)),
        When(status=Status.DORMANT.value, then=Value(3)),
        default=Value(2),
    ),
    Case(When(status__in=(*UNMET, *_OPEN), is_closed=False, then=F("due_at"))).asc(nulls_last=True),
    Case(default=F("due_at")).desc(nulls_last=True),
    F("id").asc(),
)


class Attention(StrEnum):
    """The deadlines that the overview counts. The list of deadlines filters by the same names."""

    UNMET = "unmet"
    DUE_SOON = "due_soon"
    MINE = "mine"
    QUARANTINED = "quarantined"
    NOT_RECOMPUTED = "not_recomputed"


def needing(
    attention: Attention, deadlines: QuerySet[Deadline], *, reader: Reader, as_of: datetime
) -> QuerySet[Deadline]:
    """Return those of the deadlines that need this attention of a reader at `as_of`."""
    match attention:
        case Attention.UNMET:
            return deadlines.filter(status__in=UNMET, is_closed=False)
        case Attention.DUE_SOON:
            # Nothing is due on the day on which a period to maintain or refrain ends.
            return deadlines.filter(
                status__in=_COMING,
                obligation__kind=ObligationKind.ACHIEVE.value,
                due_at__gt=as_of,
                due_at__lte=as_of + AHEAD,
            )
        case Attention.MINE:
            mine = Responsibility.objects.of_user(reader.user_id)
            own = deadlines.filter(obligation__in=mine.values("obligation"))
            either = [
                needing(each, own, reader=reader, as_of=as_of)
                for each in (Attention.UNMET, Attention.DUE_SOON)
            ]
            return either[0] | either[1]
        case Attention.QUARANTINED:
            return deadlines.exclude(quarantine_error="")
        case Attention.NOT_RECOMPUTED:
            last = JobRun.objects.finished(JobKind.RECOMPUTATION).values("pk")[:1]
            failed = RecomputedDeadline.objects.filter(run__in=last).exclude(problem="")
            return deadlines.filter(pk__in=failed.values("deadline"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The content of the overview page. Lists have at most `SHOWN` entries; counts are complete."""

    mine: Sequence[Deadline]
    unmet: Sequence[Deadline]
    coming: Sequence[Deadline]
    counts: Mapping[Attention, int]
    last_sweep: JobRun | None
    failed_count: int
    last_audit: JobRun | None
    outages: Sequence[Outage]


def load(*, reader: Reader, as_of: datetime) -> Overview:
    """Return the worst breaches, the deadlines due within 30 days, and the state of the service.

    Only what exists for the reader is listed and counted.
    """
    listed = visible_to(Deadline.objects.listed(), reader)
    found = {each: needing(each, listed, reader=reader, as_of=as_of) for each in Attention}
    mine = prefetch_parties(found[Attention.MINE])
    unmet = prefetch_parties(found[Attention.UNMET])
    coming = prefetch_parties(found[Attention.DUE_SOON])
    severities = [severity.value for severity in Severity]
    rank = Case(
        *(When(obligation__severity=word, then=Value(at)) for at, word in enumerate(severities))
    )
    failed = visible_to(Message.objects.filter(state=MessageState.FAILED.value), reader)
    return Overview(
        mine=list(mine.order_by(*URGENCY)[:SHOWN]),
        unmet=list(unmet.annotate(rank=rank).order_by("-rank", "status_since", "id")[:SHOWN]),
        coming=list(coming.order_by("due_at", "id")[:SHOWN]),
        counts={attention: deadlines.count() for attention, deadlines in found.items()},
        last_sweep=JobRun.objects.finished(JobKind.SWEEP).first(),
        failed_count=failed.count(),
        last_audit=JobRun.objects.finished(JobKind.AUDIT).first(),
        outages=list(Outage.objects.filter(ended_at__isnull=True)),
    )


def prefetch_parties(deadlines: QuerySet[Deadline]) -> QuerySet[Deadline]:
    """Prefetch obligation, agreement, parties and extensions, in a fixed number of queries."""
    extensions = Fact.objects.filter(due__isnull=False).only("deadline", "due", "due_at")
    return deadlines.select_related("obligation", "agreement").prefetch_related(
        # For the precision of a due date that was extended.
        "obligation__sides__party",
        Prefetch("facts", extensions),
    )
