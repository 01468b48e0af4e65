"""Recompute open deadlines when their zone or holiday data changes, and extend recurrences.

A civil date and its zone are the truth, and the instant follows from the zone and holiday data in
use. When that data or a custom calendar changes, open deadlines are recomputed and moved through
the ledger. Closed deadlines keep the instants by which they were judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from compliance.domain.deadlines.rule_checks import Horizon
from compliance.domain.due_dates.resolution import data_version
from compliance.domain.vocabulary import JobKind
from compliance.models import Agreement, Deadline, JobRun, RecomputedDeadline
from compliance.models.bulk import fetch
from compliance.models.locks import JOB_LOCK_TIMEOUT, lock_agreements
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.models.system.jobs import RecomputationCounts, RecomputationParameters
from compliance.operations.deadlines import isolation, projection, schedule, separate_refresh

log = structlog.get_logger(__name__)

BATCH = 1_000


def run(*, as_of: datetime, batch: int = BATCH) -> JobRun | None:
    """Recompute everything that is outdated by `as_of`; return None if nothing is.

    Each batch is one transaction. A deadline that cannot be recomputed keeps its date, and its
    problem is stored as a `RecomputedDeadline`.
    """
    version, horizon = data_version(), schedule.horizon(as_of)
    is_new_data, is_new_day = _is_new(version, horizon)
    if not is_due(as_of=as_of):
        return None
    record = JobRun.objects.create(
        kind=JobKind.RECOMPUTATION.value,
        as_of=as_of,
        started_at=timezone.now(),
        parameters=RecomputationParameters(
            data_version=version,
            today=horizon.today.isoformat(),
            horizon=horizon.until.isoformat(),
        ),
        counts=RecomputationCounts(examined=0, moved=0, failed=0),
    )
    stale = _STALE_BY_VERSION if is_new_data else _STALE
    _in_batches(record, stale, batch, as_of=as_of, version=version)
    if is_new_day:
        _in_batches(record, _RECURRING, batch, as_of=as_of, version=version)
    record.ended_at = timezone.now()
    record.save()
    moved, failed = record.counts["moved"], record.counts["failed"]
    if moved or failed:
        log.warning("deadlines moved", moved=moved, failed=failed, data_version=version)
    return record


def is_due(*, as_of: datetime) -> bool:
    """Return whether anything is outdated by `as_of`."""
    is_new = any(_is_new(data_version(), schedule.horizon(as_of)))
    # Those in quarantine are tried again by the sweep.
    return is_new or Deadline.objects.filter(data_version="", quarantine_error="").exists()


def _is_new(version: str, horizon: Horizon) -> tuple[bool, bool]:
    """Return whether the data has changed since the last run, and whether a day has passed.

    Not every day moves the end of the horizon, but the next date is sought from every day. More
    months of `RECURRENCE_MONTHS` count like another day.
    """
    last = JobRun.objects.finished(JobKind.RECOMPUTATION).first()
    if last is None:
        return True, True
    stored = last.parameters
    # Earlier versions did not store the day.
    today = date.fromisoformat(stored["today"]) if "today" in stored else date.min
    is_new_day = today < horizon.today or date.fromisoformat(stored["horizon"]) < horizon.until
    return stored["data_version"] != version, is_new_day


@reading_as(SYSTEM)
def mark_stale(*, calendar: str) -> int:
    """Mark the open deadlines that use a custom calendar as outdated; return how many.

    The next `run` recomputes them, and the next sweep those in quarantine.
    """
    lock_agreements(agreements_using(calendar))
    [(marked,)] = fetch(_MARK_USING_CALENDAR, name=calendar)
    return int(marked)


def agreements_using(calendar: str) -> list[int]:
    """Return the ids of the agreements with open deadlines that use a custom calendar."""
    return [agreement_id for (agreement_id,) in fetch(_AGREEMENTS_USING_CALENDAR, name=calendar)]


def _in_batches(
    record: JobRun, statement: str, batch: int, *, as_of: datetime, version: str
) -> None:
    after = 0
    while True:
        found = fetch(statement, after=after, limit=batch, version=version)
        if not found:
            return
        ids = [pk for (pk,) in found]
        after = ids[-1]
        for counts in _recompute(record, ids, as_of=as_of):
            for name, count in counts._asdict().items():
                record.counts[name] += count


class _Counts(NamedTuple):
    """How many deadlines were examined, moved, and could not be recomputed."""

    examined: int
    moved: int
    failed: int


def _recompute(record: JobRun, obligation_ids: Sequence[int], *, as_of: datetime) -> list[_Counts]:
    """Recompute obligations in one transaction, and report those for which this fails."""
    try:
        with transaction.atomic():
            _lock(obligation_ids)
            return [_recompute_together(record, obligation_ids, as_of=as_of)]
    except Exception as error:
        if not isolation.may_concern_one_row(error):
            raise
        log.warning("obligations recomputed in parts", error=isolation.summary(error))
    failed: list[_Counts] = []

    def work(part: Sequence[int]) -> _Counts:
        return _recompute_together(record, part, as_of=as_of)

    def fail(obligation_id: int, error: Exception) -> None:
        failed.append(_keep(record, obligation_id, isolation.summary(error)))

    with transaction.atomic():
        _lock(obligation_ids)
        levels = schedule.levels(obligation_ids)
        separate_refresh.lock_deadlines_of([pk for level in levels for pk in level])
        return isolation.process(obligation_ids, work, fail=fail) + failed


def _lock(obligation_ids: Sequence[int]) -> None:
    agreements = Agreement.objects.filter(obligations__in=obligation_ids).values("id")
    lock_agreements(agreements, timeout=JOB_LOCK_TIMEOUT)


def _keep(record: JobRun, obligation_id: int, problem: str) -> _Counts:
    """Report that the deadlines of an obligation keep their dates until the data changes again."""
    kept = list(Deadline.objects.filter(obligation=obligation_id, is_withdrawn=False))
    RecomputedDeadline.objects.bulk_create(
        RecomputedDeadline(
            run=record,
            deadline=deadline,
            from_due_at=deadline.due_at,
            to_due_at=deadline.due_at,
            problem=problem,
        )
        for deadline in kept
    )
    for deadline in kept:
        log.error("deadline not recomputed", deadline=deadline.pk, error=problem)
        try:
            with transaction.atomic():
                stored = Deadline.objects.filter(pk=deadline.pk, quarantine_error="")
                stored.update(data_version=record.parameters["data_version"])
        except DatabaseError as error:
            if not isolation.may_concern_one_row(error):
                raise
            log.error("deadline not marked", deadline=deadline.pk, error=isolation.summary(error))
    return _Counts(examined=len(kept), moved=0, failed=len(kept))


def _recompute_together(
    record: JobRun, obligation_ids: Sequence[int], *, as_of: datetime
) -> _Counts:
    levels = schedule.levels(obligation_ids)
    affected = Deadline.objects.filter(obligation__in=[pk for level in levels for pk in level])
    before = dict(affected.values_list("id", "due_at"))
    touched: set[int] = set()
    problems: dict[int, str] = {}
    for level in levels:
        rescheduled = schedule.reschedule(level, as_of=as_of, is_forgiving=True, keeps_closed=True)
        touched |= rescheduled.touched
        problems |= rescheduled.failed
    projection.refresh(touched, as_of=as_of, keeps_closed=True)
    projection.recheck_business_days(obligation_ids, as_of=as_of)
    after = dict(affected.filter(id__in=before).values_list("id", "due_at"))
    changed = [
        RecomputedDeadline(
            run=record,
            deadline_id=pk,
            from_due_at=due_at,
            to_due_at=after[pk],
            problem=problems.get(pk, ""),
        )
        for pk, due_at in before.items()
        if after[pk] != due_at or pk in problems
    ]
    RecomputedDeadline.objects.bulk_create(changed)
    return _Counts(len(before), moved=len(changed) - len(problems), failed=len(problems))


_STALE_BY_VERSION = """
    SELECT DISTINCT obligation_id FROM compliance_deadline
    WHERE obligation_id > %(after)s AND data_version <> %(version)s
      AND NOT is_closed AND NOT is_withdrawn
    ORDER BY obligation_id LIMIT %(limit)s
"""

_STALE = """
    SELECT DISTINCT obligation_id FROM compliance_deadline
    WHERE obligation_id > %(after)s AND data_version = ''
    ORDER BY obligation_id LIMIT %(limit)s
"""

_RECURRING = """
    SELECT id FROM compliance_obligation
    WHERE id > %(after)s AND due->>'type' = 'recurrence'
    ORDER BY id LIMIT %(limit)s
"""

_USING_CALENDAR = """
    SELECT d.id, d.agreement_id FROM compliance_deadline AS d
    JOIN compliance_obligation AS o ON o.id = d.obligation_id
    JOIN compliance_agreement AS a ON a.id = d.agreement_id
    WHERE NOT d.is_closed
      AND (%(name)s = ANY(a.calendars)
       OR o.due->'calendars' ? %(name)s OR o.due->'then'->'calendars' ? %(name)s
       OR o.due->'start'->'calendars' ? %(name)s
       OR o.starts->'calendars' ? %(name)s
       OR EXISTS (SELECT FROM compliance_fact AS f
                  WHERE f.deadline_id = d.id AND f.due->'calendars' ? %(name)s)
       -- Milestones may follow from others that use it.
       OR (EXISTS (SELECT FROM compliance_milestone AS m
                   WHERE m.agreement_id = d.agreement_id AND m.due->'calendars' ? %(name)s)
           AND EXISTS (SELECT FROM compliance_dependency AS c
                       JOIN compliance_milestone AS m ON m.id = c.milestone_id
                       WHERE c.obligation_id = o.id AND m.due IS NOT NULL)))
"""

_AGREEMENTS_USING_CALENDAR = f"SELECT DISTINCT agreement_id FROM ({_USING_CALENDAR}) AS affected"

_MARK_USING_CALENDAR = f"""
    WITH marked AS (
        UPDATE compliance_deadline
        SET data_version = '', next_check_at = CASE
            WHEN quarantine_error = '' THEN next_check_at ELSE least(next_check_at, now()) END
        WHERE id IN (SELECT id FROM ({_USING_CALENDAR}) AS affected)
          AND (data_version <> '' OR quarantine_error <> '')
        RETURNING id
    )
    SELECT count(*) FROM marked
"""
