"""Keep the deadlines of obligations, and their due dates, in line with the due rules.

`reschedule` creates the deadlines that the rules yield, updates the terms of existing ones, and
withdraws those that the rules no longer yield. It never writes a status: the caller passes what
was touched to `projection.refresh`. What is wanted is decided in `domain.deadlines.scheduling`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from django.conf import settings

from compliance.domain.civil_periods import CivilPeriod
from compliance.domain.civil_time import UnknownTimeZone
from compliance.domain.deadlines import rule_checks
from compliance.domain.deadlines.dependencies import dependency_levels, dependents_by_source
from compliance.domain.deadlines.rule_checks import Horizon
from compliance.domain.deadlines.scheduling import ScheduledTerms, wanted_deadlines
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.deadlines.stored_changes import Change, change_of
from compliance.domain.due_dates.resolution import data_version
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Status
from compliance.domain.work import END_EARLIER, check_new_deadlines
from compliance.models import Agreement, Deadline, Dependency, Obligation
from compliance.models.bulk import insert, write
from compliance.models.people.readers import SYSTEM, reading_as
from compliance.operations.deadlines import former_terms, judged, schedule_inputs
from compliance.operations.deadlines.rescheduled import Rescheduled
from compliance.operations.deadlines.schedule_inputs import ScheduleInputs
from compliance.operations.deadlines.scheduled_columns import columns_of


class UnresolvableRules(Invalid):
    """Rules of a stored obligation that cannot be resolved."""

    def __init__(self, problems: Iterable[Problem], obligation_id: int) -> None:
        self.obligation_id = obligation_id
        super().__init__(problems)


@dataclass(kw_only=True, slots=True)
class _Changes:
    """The rows to be stored; `unchanged` are only marked as computed with the current data.

    `judged` are those that keep the terms by which they were judged.
    """

    created: list[Deadline] = field(default_factory=list)
    updated: list[Deadline] = field(default_factory=list)
    unchanged: list[Deadline] = field(default_factory=list)
    judged: list[Deadline] = field(default_factory=list)


def levels(obligation_ids: Iterable[int]) -> list[list[int]]:
    """Return obligations and all that depend on them, in levels to be rescheduled in order."""
    given = set(obligation_ids)
    agreements = Agreement.objects.filter(obligations__in=given).distinct()
    pairs = Dependency.objects.filter(on__agreement__in=agreements).values_list(
        "obligation_id", "on_id"
    )
    return dependency_levels(given, dependents_by_source(pairs))


# The rules of obligations that the user does not see can depend on the same party or calendar.
@reading_as(SYSTEM)
def recompute(
    *,
    obligation_ids: Iterable[int],
    as_of: datetime,
    is_forgiving: bool = False,
    recorded_on: Mapping[int, Sequence[CivilPeriod]] = MappingProxyType({}),
) -> set[int]:
    """Recompute the due dates of obligations and of all obligations that depend on them.

    Returns the ids of the changed deadlines; the caller refreshes them in the same transaction.

    Args:
        is_forgiving: an obligation whose rules cannot be resolved keeps its deadlines, and the next
            recomputation reports it.
        recorded_on: see `reschedule`.

    Raises:
        Invalid: a rule cannot be resolved in the zone or with the calendars that apply now.
    """
    touched: set[int] = set()
    failed: set[int] = set()
    for level in levels(obligation_ids):
        rescheduled = reschedule(
            level, as_of=as_of, is_forgiving=is_forgiving, recorded_on=recorded_on
        )
        touched |= rescheduled.touched
        failed |= rescheduled.failed.keys()
    if failed:
        Deadline.objects.filter(pk__in=failed).update(data_version="")
    return touched


def horizon(as_of: datetime) -> Horizon:
    """Return which deadlines of recurrences are created in advance at `as_of`."""
    return rule_checks.horizon_of(as_of, months=settings.RECURRENCE_HORIZON_MONTHS)


def reschedule(
    obligation_ids: Iterable[int],
    *,
    as_of: datetime,
    is_forgiving: bool = False,
    keeps_closed: bool = False,
    keeps_judged: bool = False,
    keeps_former: bool = True,
    recorded_on: Mapping[int, Sequence[CivilPeriod]] = MappingProxyType({}),
) -> Rescheduled:
    """Bring the deadlines of obligations in line with their rules.

    The obligations that they depend on must be in line already (see `levels`). Recurrences yield
    deadlines within the horizon.

    Args:
        is_forgiving: an obligation whose rules cannot be resolved keeps its deadlines, and these
            are named in `failed`.
        keeps_closed: closed deadlines keep the terms by which they were judged (`judged`).
        keeps_judged: those of them keep these terms that kept them before (`judged`).
        keeps_former: the former terms are kept, because they were known.
        recorded_on: when deadlines are due about which the caller will store facts, by obligation.

    Raises:
        UnresolvableRules: a rule cannot be resolved (at `due`, `starts` or `grace`).
    """
    rescheduled = Rescheduled()
    ids = set(obligation_ids)
    if not ids:
        return rescheduled
    changes = _Changes()
    inputs = _load(ids, is_forgiving=is_forgiving)
    ahead = horizon(as_of)
    for obligation in inputs.obligations:
        try:
            snapshot = inputs.snapshot(obligation)
            if periods := recorded_on.get(obligation.pk):
                snapshot = replace(snapshot, recorded_on=tuple(periods))
            wanted = wanted_deadlines(snapshot, as_of=as_of, horizon=ahead)
        except Exception as error:
            if not is_forgiving:
                if (problems := rule_checks.problems_of_stored_rule(error)) is None:
                    raise
                raise UnresolvableRules(problems, obligation.pk) from None
            stored = inputs.deadlines.get(obligation.pk, {}).values()
            failed = (row.pk for row in stored if not (keeps_closed and judged.is_judged(row)))
            rescheduled.fail(obligation.pk, failed, error)
            # They were tried with the current data, and need not be tried again with it. Only the
            # sweep tries those in quarantine again and again.
            changes.unchanged += (row for row in stored if not row.quarantine_error)
            continue
        _compare(
            obligation, snapshot, wanted, inputs, changes, as_of,
            keeps_closed=keeps_closed, keeps_judged=keeps_judged,
        )  # fmt: skip
        if not is_forgiving:
            _check_number(changes, obligation)
    _store(changes, as_of=as_of, keeps_former=keeps_former)
    rescheduled.touched = {row.pk for row in (*changes.created, *changes.updated)}
    return rescheduled


def _load(obligation_ids: set[int], *, is_forgiving: bool) -> ScheduleInputs:
    try:
        return schedule_inputs.load(obligation_ids, is_for_update=True)
    except UnknownTimeZone as error:
        if is_forgiving:
            raise
        raise refusal("due/timezone", str(error)) from None


def _check_number(changes: _Changes, obligation: Obligation) -> None:
    try:
        check_new_deadlines(obligation.ref, len(changes.created), advice=END_EARLIER)
    except Invalid as error:
        raise UnresolvableRules(error.problems, obligation.pk) from None


def _compare(
    obligation: Obligation,
    snapshot: ObligationSnapshot,
    wanted: dict[int, ScheduledTerms],
    inputs: ScheduleInputs,
    changes: _Changes,
    as_of: datetime,
    *,
    keeps_closed: bool,
    keeps_judged: bool,
) -> None:
    """Add what must change for the deadlines of an obligation to be the wanted ones."""
    rows = inputs.deadlines.get(obligation.pk, {})
    entered = [row.entered_at or row.begins_at for row in rows.values()]
    for number, terms in wanted.items():
        if number not in rows:
            has_dependents = obligation.pk in inputs.with_dependents
            row = _new(obligation, number, terms, as_of, has_dependents)
            row.party_id = inputs.party_id_of(obligation, terms.party)
            # It may follow from an event that was recorded late, which is news.
            row.entered_at = min(entered, default=as_of)
            changes.created.append(row)
    for number, row in rows.items():
        columns = columns_of(wanted[number]) if number in wanted else {}
        if number in wanted:
            columns["party_id"] = inputs.party_id_of(obligation, wanted[number].party)
        is_kept = (keeps_closed and judged.is_judged(row)) or (keeps_judged and judged.is_kept(row))
        has_other_terms = any(getattr(row, name) != value for name, value in columns.items())
        change = change_of(
            snapshot.stored[number],
            is_wanted=number in wanted,
            has_other_terms=has_other_terms,
            keeps_closed=is_kept,
        )
        if change is Change.KEEP:
            is_other = has_other_terms or row.is_withdrawn is (number in wanted)
            is_judged = is_kept and (is_other or judged.is_kept(row))
            (changes.judged if is_judged else changes.unchanged).append(row)
            continue
        for name, value in columns.items():
            setattr(row, name, value)
        row.is_withdrawn = change is Change.WITHDRAW
        changes.updated.append(row)


def _new(
    obligation: Obligation,
    number: int,
    terms: ScheduledTerms,
    as_of: datetime,
    has_dependents: bool,
) -> Deadline:
    due = terms.due
    return Deadline(
        agreement_id=obligation.agreement_id,
        obligation=obligation,
        number=number,
        has_dependents=has_dependents,
        status=Status.PENDING,
        status_since=terms.begins_at,
        due_on=due.due_on if due else None,
        due_at=due.due_at if due else None,
        unmet_at=due.unmet_at if due else None,
        next_check_at=as_of,
        data_version=data_version(),
        **columns_of(terms),
    )


def _store(changes: _Changes, *, as_of: datetime, keeps_former: bool) -> None:
    version = data_version()
    insert(changes.created)
    names = ("id", *former_terms.TERMS, "party_id")
    updated = [{name: getattr(row, name) for name in names} for row in changes.updated]
    if keeps_former:
        former_terms.keep([row.pk for row in changes.updated], as_of=as_of)
    write(_UPDATE, updated, version=version)
    outdated = [{"id": row.pk} for row in changes.unchanged if row.data_version != version]
    write(_MARK_AS_CURRENT, outdated, version=version)
    kept = [{"id": row.pk} for row in changes.judged if not judged.is_kept(row)]
    write(_MARK_AS_CURRENT, kept, version=judged.KEPT)


_UPDATE = """
    UPDATE compliance_deadline AS d
    SET timezone = v.timezone, begins_at = v.begins_at,
        is_start_presumed = v.is_start_presumed, starts_at = v.starts_at,
        original_due_on = v.original_due_on, original_due_at = v.original_due_at,
        original_unmet_at = v.original_unmet_at,
        original_earliest_due_at = v.original_earliest_due_at,
        moves = v.moves, trace = v.trace, warnings = v.warnings,
        is_withdrawn = v.is_withdrawn, party_id = v.party_id, data_version = %(version)s
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(
        id bigint, timezone text, begins_at timestamptz, is_start_presumed boolean,
        starts_at timestamptz,
        original_due_on date, original_due_at timestamptz, original_unmet_at timestamptz,
        original_earliest_due_at timestamptz, moves jsonb, trace jsonb, warnings jsonb,
        is_withdrawn boolean, party_id bigint)
    WHERE d.id = v.id
"""

_MARK_AS_CURRENT = """
    UPDATE compliance_deadline AS d SET data_version = %(version)s
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS v(id bigint)
    WHERE d.id = v.id
"""
