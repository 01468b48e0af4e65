"""Runs of the background jobs: their counts, and the problems that they found."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, NotRequired, Self, TypedDict

import pgtrigger
from django.db import models

from compliance.domain.vocabulary import JobKind
from compliance.models.append_only import never_truncated
from compliance.models.choices import choice_field, one_of

# The longest time that an alert waits for a sweep to end: more than a sweep needs to create half a
# million alerts on a busy machine. If a sweep is killed, the next one soon catches up.
WAITED_FOR = timedelta(minutes=2)


class SweepCounts(TypedDict):
    """The counts of a sweep: refreshed deadlines, new breaches and quarantined deadlines."""

    refreshed: int
    breaches: int
    quarantined: int


class RecomputationCounts(TypedDict):
    """The counts of a recomputation: examined deadlines, moved due dates, and failures."""

    examined: int
    moved: int
    failed: int


class AuditCounts(TypedDict):
    """The counts of an alert audit: the open breaches and the pending alerts that it checked."""

    breaches: int
    alerts: int


class LedgerCheckCounts(TypedDict):
    """The counts of a ledger check: the deadlines, facts and ledger entries that it checked."""

    deadlines: int
    facts: int
    entries: int


class RecomputationParameters(TypedDict):
    """The parameters of a recomputation.

    `data_version` is the version of the zone and holiday data, `today` the day of the run in UTC
    (ISO 8601), and `horizon` the day up to which it creates recurring deadlines.
    """

    data_version: str
    today: str
    horizon: str


class Problem(TypedDict):
    """A problem that a job found in a row.

    `about` is the model of the row, or its table in a ledger check; `id` is None if the row no
    longer exists. A ledger check also states the deadline or agreement that the row belongs to.
    """

    about: str
    id: int | None
    detail: str
    deadline: NotRequired[int | None]
    agreement: NotRequired[int | None]


class JobRunQuerySet(models.QuerySet["JobRun"]):
    """Row predicates for job runs."""

    def finished(self, kind: JobKind) -> Self:
        """Finished runs of one kind, the latest first."""
        return self.filter(kind=kind.value, ended_at__isnull=False).order_by("-ended_at", "-id")

    def sweeps_under_way(self, as_of: datetime) -> Self:
        """Sweeps that have not ended at `as_of`.

        A sweep that began long ago was killed or is huge, and nothing waits for it.
        """
        return self.filter(
            kind=JobKind.SWEEP.value,
            ended_at__isnull=True,
            as_of__gt=as_of - WAITED_FOR,
            as_of__lte=as_of,
        )


class JobRun(models.Model):
    """One run of a background job.

    `counts` has the keys of `SweepCounts`, `RecomputationCounts`, `AuditCounts` or
    `LedgerCheckCounts`; `parameters` has those of `RecomputationParameters`, or none. Each entry
    of `problems` is a `Problem`. Problems of single deadlines are stored with the deadline instead:
    the error for which a sweep quarantined it, and why a recomputation failed
    (`RecomputedDeadline`).
    """

    kind = choice_field(JobKind)
    as_of = models.DateTimeField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(
        null=True, help_text="Empty while it runs, and if it was killed."
    )
    parameters = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    problems = models.JSONField(default=list)

    objects: ClassVar[models.Manager[JobRun]] = JobRunQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (one_of("kind", JobKind),)
        indexes = (
            # Read by the readiness check, the overview and the jobs themselves (the last run of a
            # kind), and by delivery, which waits for sweeps that have not ended.
            models.Index(fields=["kind", "-ended_at"], name="jobrun_newest"),
        )
        triggers = (
            never_truncated(),
            # A ledger check is evidence. It is stored once, when it has ended.
            pgtrigger.Protect(
                name="ledger_check_append_only",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__kind=JobKind.LEDGER_CHECK.value),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display().capitalize()} of {self.started_at:%Y-%m-%d %H:%M:%S}Z"

    @property
    def problem_count(self) -> int:
        """How many problems the run found, including those stored with the deadlines."""
        of_deadlines: int = self.counts.get("failed", 0) + self.counts.get("quarantined", 0)
        return len(self.problems) + of_deadlines

    @property
    def run_time(self) -> timedelta | None:
        """How long the run took; None if it has not ended."""
        return None if self.ended_at is None else self.ended_at - self.started_at
