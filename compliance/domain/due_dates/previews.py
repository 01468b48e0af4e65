"""Previews of due rules: their dates and warnings before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from compliance.domain.due_dates.contexts import ResolutionContext
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import DueRule, awaited_event
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.resolution import data_version, resolve
from compliance.domain.due_dates.rule_types import OffsetRule, UndatedRule

MOST_SHOWN = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The dates of a rule, the sentences of their trace, and the warnings about them."""

    dates: tuple[Resolved, ...]
    trace: tuple[str, ...]
    warnings: tuple[str, ...]


def preview(
    rule: DueRule, context: ResolutionContext, *, limit: int, event: Event | None = None
) -> Preview:
    """Return the first `limit` dates of a rule, with trace and warnings.

    A trigger without its `event` yields no dates, but a warning that names what it waits for.

    Raises:
        Unresolvable: the rule cannot yield a date; with the path of a field.
        GraceUnresolvable: the grace period has no end in the supported range.
    """
    found = tuple(islice(resolve(rule, context, event=event, is_lenient=True), limit + 1))
    shown = found[:limit]
    warnings = [warning for each in shown for warning in each.warnings]
    if len(found) > len(shown):
        warnings.append(f"There are more dates: these are the first {limit}.")
    if not found:
        warnings.append(waits_for(rule))
    steps = [step for each in shown for step in each.steps]
    return Preview(
        dates=shown,
        trace=(*steps, f"Computed with {data_version()}."),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def waits_for(rule: DueRule) -> str:
    """Return the sentence that names the event that a rule without a date waits for."""
    event = awaited_event(rule)
    if event is not None:
        if event.milestone is not None:
            return f"Dormant until the milestone {event.milestone} happens."
        if event.met is not None:
            return f"Dormant until {event.met} is met."
        return f"Dormant until {event.breach_of} is breached."
    if isinstance(rule, UndatedRule):
        return "Dormant: no date was set."
    anchor = rule.anchor if isinstance(rule, OffsetRule) else None
    if anchor is not None and anchor.milestone is not None:
        return f"Dormant until the milestone {anchor.milestone} has a date."
    return "Dormant until the event from which it counts has a date."
