"""Store the results of alert audits, and notify administrators of problems."""

from __future__ import annotations

from datetime import datetime

from compliance.delivery import administrator_mails, links
from compliance.domain.phrases import counted
from compliance.domain.vocabulary import JobKind
from compliance.models import JobRun
from compliance.models.system.jobs import AuditCounts, Problem


def record(
    *,
    started_at: datetime,
    ended_at: datetime,
    breaches: int,
    alerts: int,
    problems: list[Problem],
) -> JobRun:
    """Store the result of an audit.

    Administrators are notified if there are problems that the previous audit did not find.
    """
    previous = JobRun.objects.finished(JobKind.AUDIT).first()
    audit = JobRun.objects.create(
        kind=JobKind.AUDIT.value,
        as_of=started_at,
        started_at=started_at,
        ended_at=ended_at,
        counts=AuditCounts(breaches=breaches, alerts=alerts),
        problems=problems,
    )
    known = {(each["about"], each["id"]) for each in previous.problems} if previous else set()
    new = [each for each in problems if (each["about"], each["id"]) not in known]
    if new:
        _notify(audit, new)
    return audit


def _notify(audit: JobRun, problems: list[Problem]) -> None:
    administrator_mails.send(
        administrator_mails.administrators(),
        subject=f"alerts may be missing ({counted(len(problems), 'problem')})",
        paragraphs=[
            "Every five minutes Pacta checks that each missed deadline has its alerts, that each "
            "alert was delivered, and that no deadline is overdue for its next check. The latest "
            "audit found new problems:",
            administrator_mails.problem_list(problems),
            "You will receive another email only if other problems appear. All problems are listed "
            "here:",
            links.url(links.pages().job_run(audit.pk)),
        ],
        name=f"audit{audit.pk}",
    )
