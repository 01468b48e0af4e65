"""Compute the due date of a deadline from its rule, its sources and its facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from compliance.domain.civil_periods import period_of
from compliance.domain.civil_time import civil_day
from compliance.domain.deadlines.activations import Activation, activations, moved_place
from compliance.domain.deadlines.sources import Source, event_of_due, latest_events
from compliance.domain.due_dates.contexts import (
    GraceUnresolvable,
    ResolutionContext,
    Unresolvable,
)
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.periods import Event, event_in
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_types import (
    OffsetRule,
    RecurrenceRule,
    TriggerRule,
    UndatedRule,
)
from compliance.domain.vocabulary import FactKind, Precision, Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class DueChange:
    """A change of the due date from `at` on, caused by events elsewhere.

    `resolved` is None if the due date is no longer known. `place` identifies the due date.
    """

    at: datetime
    resolved: Resolved | None
    reason: Reason
    place: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedFact:
    """A fact that sets a due date: an extension with its own rule, or a manual trigger.

    One that `is_superseded` may count again if what supersedes it is retracted.
    """

    id: int
    kind: FactKind
    effective_at: datetime
    effective_on: date | None = None
    precision: Precision = Precision.DAY
    is_superseded: bool = False
    due: DueRule | None = None


def due_date_changes(
    rule: DueRule,
    context: ResolutionContext,
    sources: Mapping[str, Source | None],
    *,
    as_of: datetime,
) -> tuple[Resolved | None, list[DueChange]]:
    """Return the initial due date of a rule, and how its sources change it later.

    Raises:
        Unresolvable: the rule cannot yield a date.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    if isinstance(rule, TriggerRule):
        return None, _activated(rule, context, sources, as_of)
    if not (isinstance(rule, OffsetRule) and rule.anchor and rule.anchor.deadline):
        return next(resolve(rule, context), None), []
    ref = rule.anchor.deadline
    source = sources.get(ref)
    if source is None:
        return next(resolve(rule, replace(context, deadlines={ref: None})), None), []
    return _moved_with_anchor(rule, context, ref, source)


def _activated(
    rule: TriggerRule,
    context: ResolutionContext,
    sources: Mapping[str, Source | None],
    as_of: datetime,
) -> list[DueChange]:
    found = activations(rule, context, sources, as_of=as_of)
    return changes_by_trigger(rule, context, sources, found[0]) if found else []


def changes_by_trigger(
    rule: TriggerRule,
    context: ResolutionContext,
    sources: Mapping[str, Source | None],
    activation: Activation,
) -> list[DueChange]:
    """Return how an event changes the due date of a deadline that waits for it.

    Raises:
        Unresolvable: the rule cannot yield a date.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    context = replace(context, deadlines=latest_events(sources, rule))
    resolved = next(resolve(rule, context, event=activation.event), None)
    if resolved is None:
        return []
    return [DueChange(at=activation.at, resolved=resolved, reason=Reason.TRIGGERED)]


def _moved_with_anchor(
    rule: OffsetRule, context: ResolutionContext, ref: str, source: Source
) -> tuple[Resolved | None, list[DueChange]]:
    changes: list[DueChange] = []
    last: Due | None = None
    has_had_due = False
    for number, transition in enumerate(source.due_timeline.transitions):
        if number and transition.due == last:
            continue
        was_known, last = last is not None, transition.due
        event = None if last is None else event_of_due(last, rule)
        resolved = next(resolve(rule, replace(context, deadlines={ref: event})), None)
        becomes_known = event is not None and not was_known
        reason = Reason.TRIGGERED if becomes_known else Reason.RESCHEDULED
        at = transition.effective_at
        # The first date that is known is the original one, even if an event had to set it.
        place = moved_place(source, at) if has_had_due else 1
        changes.append(DueChange(at=at, resolved=resolved, reason=reason, place=place))
        has_had_due = has_had_due or event is not None
    first, *later = changes
    return first.resolved, later


def due_set_by(
    fact: DatedFact,
    rule: DueRule | None,
    context: ResolutionContext,
    sources: Mapping[str, Source | None],
) -> Resolved | None:
    """Return the due date that an extension or trigger gives under the current rules.

    None if it no longer gives one. The date that was computed when it was recorded then remains.
    """
    wanted = fact.due if fact.kind is FactKind.EXTENSION else rule
    if wanted is None:
        return None
    event = None
    if fact.kind is FactKind.TRIGGER:
        at = fact.effective_at
        event = Event(on=civil_day(fact.effective_at, "UTC"), at=at)
        if fact.effective_on is not None:
            event = event_in(period_of(fact.effective_on, fact.precision))
    context = replace(context, deadlines=latest_events(sources, wanted))
    try:
        return next(resolve(wanted, context, event=event), None)
    except (Unresolvable, GraceUnresolvable):
        return None


def zone_named_by(rule: DueRule | None) -> str | None:
    """Return the time zone that a rule itself names."""
    if isinstance(rule, TriggerRule):
        return rule.then.timezone
    if isinstance(rule, RecurrenceRule) and rule.then is not None:
        return rule.then.timezone
    return None if rule is None or isinstance(rule, UndatedRule) else rule.timezone
