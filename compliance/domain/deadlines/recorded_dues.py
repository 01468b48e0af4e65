"""The due dates that extensions and triggers give to a deadline when they are recorded."""

from __future__ import annotations

from dataclasses import replace

from compliance.domain.deadlines.numbers import source_of_event
from compliance.domain.deadlines.rule_checks import rejecting_at
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.deadlines.sources import latest_events
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_types import OffsetRule, TriggerRule
from compliance.domain.problems import refusal


def extended_due(obligation: ObligationSnapshot, number: int, rule: DueRule, timezone: str) -> Due:
    """Return the due date that the rule of an extension gives.

    `timezone` is the zone of the deadline, used if the obligation has none.

    Raises:
        Invalid: the rule cannot be resolved, or has no date yet (at `due`).
    """
    obligation = obligation.for_source(obligation.source_of(number))
    context = replace(
        obligation.context,
        timezone=obligation.own_timezone or timezone,
        deadlines=latest_events(obligation.sources_of(number), rule),
    )
    with rejecting_at("due"):
        resolved = next(resolve(rule, context), None)
    if resolved is None:
        raise refusal("due/from", "The event from which this counts has no date yet.")
    return resolved.due


def waits_for_event(rule: DueRule | None) -> bool:
    """Return whether deadlines of a rule can be triggered by an event."""
    if isinstance(rule, OffsetRule):
        return not (rule.anchor and rule.anchor.date)
    return isinstance(rule, TriggerRule)


def triggered_due(obligation: ObligationSnapshot, number: int, event: Event) -> Due:
    """Return the due date if the event that the deadline waits for happened at `event`.

    Raises:
        Invalid: the rule of the deadline waits for nothing (at `type`), or cannot be resolved.
    """
    rule = obligation.due
    if not isinstance(rule, TriggerRule | OffsetRule) or not waits_for_event(rule):
        sentence = "This deadline does not wait for an event, so it cannot be triggered."
        raise refusal("type", sentence)
    obligation = obligation.for_source(source_of_event(number))
    sources = obligation.sources_of(source_of_event(number))
    context = replace(obligation.context, deadlines=latest_events(sources, rule))
    with rejecting_at("due"):
        resolved = next(resolve(rule, context, event=event), None)
    if resolved is None:
        raise refusal("type", "The event from which the rule counts has no date yet.")
    return resolved.due
