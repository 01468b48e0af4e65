"""Scheduling: which deadlines an obligation needs, and the terms of each.

Everything is decided from an `ObligationSnapshot`; nothing here reads a clock or the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from compliance.domain.civil_time import civil_day
from compliance.domain.deadlines.activations import Activation
from compliance.domain.deadlines.beginnings import Beginning, beginning_of, stated_beginning
from compliance.domain.deadlines.components import component_moves
from compliance.domain.deadlines.dependencies import references
from compliance.domain.deadlines.due_changes import (
    DueChange,
    changes_by_trigger,
    due_date_changes,
    due_set_by,
)
from compliance.domain.deadlines.instances import Instance, instances_of
from compliance.domain.deadlines.numbers import is_first_occurrence
from compliance.domain.deadlines.outlying_dates import warnings_after, warnings_before
from compliance.domain.deadlines.period_starts import NO_DATE, period_start
from compliance.domain.deadlines.rule_checks import Horizon, rejecting_at
from compliance.domain.deadlines.snapshots import ObligationSnapshot, StoredDeadline
from compliance.domain.deadlines.sources import Source
from compliance.domain.deadlines.terms import Move
from compliance.domain.due_dates.datings import dating_sentences
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.previews import waits_for
from compliance.domain.due_dates.rule_types import RecurrenceRule, TriggerRule
from compliance.domain.vocabulary import ObligationKind, Reason

_ENDED_BEFORE = (
    "The recurrence ends before the event that starts it, so it has no dates: correct until, the "
    "rrule, the end of the agreement or the date of the event."
)
_CHANGE_STEPS = {Reason.TRIGGERED: "Triggered", Reason.RESCHEDULED: "Moved with its anchor"}


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduledTerms:
    """The terms of one deadline.

    `fact_dues` are the due dates from its extensions and triggers, by the id of the fact. `trace`
    and `warnings` are sentences; a warning is about one due instant, or about none. `contradicts`
    is the stated beginning of the obligation, if it does not precede the due date. `party` is the
    obligor whose deadline it is, if each has one of its own.
    """

    timezone: str
    begins_at: datetime
    is_start_presumed: bool
    starts_at: datetime | None
    due: Due | None
    moves: tuple[Move, ...]
    fact_dues: Mapping[int, Due]
    trace: tuple[str, ...]
    warnings: tuple[tuple[datetime | None, str], ...]
    contradicts: datetime | None = None
    party: str | None = None


def wanted_deadlines(
    obligation: ObligationSnapshot, *, as_of: datetime, horizon: Horizon
) -> dict[int, ScheduledTerms]:
    """Return the terms of the deadlines that an obligation needs, by number.

    A recurrence yields deadlines from the stated beginning of the obligation within the horizon.
    An obligation that counts from another one has one deadline for each deadline, or each event, of
    that obligation.

    Raises:
        Invalid: a rule cannot be resolved (at `due`, `starts` or `grace`).
    """
    rule = obligation.due
    if rule is None and obligation.kind is ObligationKind.ACHIEVE:
        return {}
    wanted: dict[int, ScheduledTerms] = {}
    left_out: datetime | None = None
    for number, instance in instances_of(obligation, as_of=as_of, horizon=horizon).items():
        terms = scheduled_terms(obligation, instance, as_of=as_of)
        if terms.contradicts is not None and _is_too_early(obligation, instance):
            left_out = terms.contradicts
            continue
        if left_out is not None:
            on = civil_day(left_out, terms.timezone)
            step = f"The earlier dates are left out: the obligation binds from {on} on."
            terms, left_out = replace(terms, trace=(step, *terms.trace)), None
        wanted[number] = terms
    return wanted


def _is_too_early(obligation: ObligationSnapshot, instance: Instance) -> bool:
    """Return whether a deadline that is due before the stated beginning does not exist.

    A rule for one date contradicts the beginning, and the date prevails. A recurrence may have
    begun earlier than the obligation. What is recorded about one of its dates proves that it bound.
    """
    occurrence = None if instance.activation is not None else instance.occurrence
    day = None if occurrence is None else occurrence.due.due_on
    return day is not None and not obligation.is_recorded(instance.number, day)


@dataclass(kw_only=True, slots=True)
class _Draft:
    """The parts of `ScheduledTerms` that have been computed so far."""

    first: Resolved | None = None
    moves: list[Move] = field(default_factory=list)
    fact_dues: dict[int, Due] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    warnings: list[tuple[datetime | None, str]] = field(default_factory=list)

    def dues(self) -> list[Due]:
        """Return the due dates by the rule and the moves."""
        found = (self.first.due if self.first else None, *(move.due for move in self.moves))
        return [each for each in found if each is not None]

    def add(self, resolved: Resolved, *, introduced_by: str | None = None) -> None:
        """Add the sentences of a resolved date."""
        self.trace += [*([introduced_by] if introduced_by else []), *resolved.steps]
        self.warnings += ((resolved.due.due_at, each) for each in resolved.warnings)


def scheduled_terms(
    obligation: ObligationSnapshot, instance: Instance, *, as_of: datetime
) -> ScheduledTerms:
    """Return the terms of one deadline.

    Args:
        instance: what the deadline is for.
        as_of: now; events that were recorded until then activate triggers.

    Raises:
        Invalid: a rule cannot be resolved (at `due`, `starts` or `grace`).
    """
    obligation = obligation.for_source(instance.source)
    sources = obligation.sources_of(instance.source)
    stored = obligation.stored.get(instance.number)
    named = references(obligation.due, obligation.starts).milestones
    draft = _Draft(trace=dating_sentences(named, obligation.datings))
    if instance.occurrence is not None:
        _add_occurrence(draft, instance.occurrence, instance.activation)
    elif obligation.due is not None:
        _add_due_dates(draft, obligation, instance, sources, as_of)
    if obligation.components is not None:
        draft.moves += component_moves(obligation.components)
        draft.moves.sort(key=lambda move: move.at)
    if stored is not None:
        _add_dated_facts(draft, obligation, stored, sources)
    due = draft.first.due if draft.first else None
    timezone = due.timezone if due else obligation.own_timezone or "UTC"
    starts_at = period_start(obligation, sources, due, draft.trace)
    # Without a date, the start of a period is set to its end.
    is_start_known = starts_at is not None and starts_at < (due.due_at if due else NO_DATE)
    beginning = beginning_of(
        binds_on=obligation.binds_on,
        starts_at=starts_at if is_start_known else None,
        agreement_began_on=obligation.agreement_began_on,
        recorded_at=obligation.recorded_at,
        timezone=timezone,
        due=due,
        moves=draft.moves,
    )
    dues = [*draft.fact_dues.values(), *draft.dues()]
    draft.warnings += warnings_after(obligation.context.ends_on, dues, timezone)
    contradicts = None
    if beginning.is_presumed:
        known_start = starts_at if is_start_known else None
        contradicts = _contradicted(draft, obligation, known_start, timezone)
    beginning = _after_event(instance) or beginning
    return ScheduledTerms(
        timezone=timezone,
        begins_at=beginning.at,
        is_start_presumed=beginning.is_presumed,
        starts_at=starts_at,
        due=due,
        moves=tuple(draft.moves),
        fact_dues=draft.fact_dues,
        trace=tuple(draft.trace),
        warnings=tuple(dict.fromkeys(draft.warnings)),
        contradicts=contradicts,
        party=obligation.party,
    )


def _after_event(instance: Instance) -> Beginning | None:
    """Return when a deadline of a recurrence begins whose event created it.

    Before the event, only the first deadline exists, and waits.
    """
    activation = instance.activation if instance.occurrence is not None else None
    if activation is None or is_first_occurrence(instance.number):
        return None
    return Beginning(at=activation.at, is_presumed=False)


def _contradicted(
    draft: _Draft, obligation: ObligationSnapshot, starts_at: datetime | None, timezone: str
) -> datetime | None:
    """Return the stated beginning that due dates contradict, with warnings about them."""
    stated = stated_beginning(
        obligation.binds_on, obligation.agreement_began_on, starts_at, timezone
    )
    warnings = warnings_before(stated, draft.dues(), timezone)
    draft.warnings += warnings
    return stated if warnings else None


def _add_occurrence(draft: _Draft, occurrence: Resolved, activation: Activation | None) -> None:
    """Add a date of a recurrence; one that starts with an event has no date before that."""
    if activation is None:
        draft.first = occurrence
        draft.add(occurrence)
    else:
        at, reason = activation.at, Reason.TRIGGERED
        _add_changes(draft, [DueChange(at=at, resolved=occurrence, reason=reason)])


def _add_due_dates(
    draft: _Draft,
    obligation: ObligationSnapshot,
    instance: Instance,
    sources: Mapping[str, Source | None],
    as_of: datetime,
) -> None:
    rule, context = obligation.due, obligation.context
    assert rule is not None
    changes: list[DueChange] = []
    with rejecting_at("due"):
        if isinstance(rule, TriggerRule) and rule.each:
            if instance.activation is not None:
                changes = changes_by_trigger(rule, context, sources, instance.activation)
        elif not isinstance(rule, RecurrenceRule):
            draft.first, changes = due_date_changes(rule, context, sources, as_of=as_of)
    if draft.first is not None:
        draft.add(draft.first)
    elif instance.is_without_dates:
        draft.trace.append(_ENDED_BEFORE)
        draft.warnings.append((None, _ENDED_BEFORE))
    elif not changes:
        draft.trace.append(waits_for(rule))
    _add_changes(draft, changes)


def _add_changes(draft: _Draft, changes: Iterable[DueChange]) -> None:
    for change in changes:
        resolved = change.resolved
        due = resolved.due if resolved else None
        draft.moves.append(Move(at=change.at, due=due, reason=change.reason, place=change.place))
        if resolved is not None:
            step = f"{_CHANGE_STEPS[change.reason]} at {change.at:%Y-%m-%d %H:%M}Z."
            draft.add(resolved, introduced_by=step)


def _add_dated_facts(
    draft: _Draft,
    obligation: ObligationSnapshot,
    stored: StoredDeadline,
    sources: Mapping[str, Source | None],
) -> None:
    first_zone = draft.first.due.timezone if draft.first else None
    context = replace(obligation.context, timezone=obligation.own_timezone or first_zone)
    for fact in stored.dated_facts:
        resolved = due_set_by(fact, obligation.due, context, sources)
        if resolved is not None:
            draft.fact_dues[fact.id] = resolved.due
            draft.add(resolved, introduced_by=f"{fact.kind.capitalize()}, fact {fact.id}.")
