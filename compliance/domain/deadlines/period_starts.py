"""When the period of an obligation to maintain or refrain begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from compliance.domain.civil_periods import period_of, period_phrase
from compliance.domain.civil_time import day_end, day_start
from compliance.domain.deadlines.rule_checks import rejecting_at
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.deadlines.sources import Source, latest_events
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_types import DateRule
from compliance.domain.vocabulary import Precision

NO_DATE = datetime(9998, 12, 31, tzinfo=UTC)
"""Stands for the start of a period whose start has no date yet."""


def period_start(
    obligation: ObligationSnapshot,
    sources: Mapping[str, Source | None],
    due: Due | None,
    trace: list[str],
) -> datetime | None:
    """Return when the period of an obligation begins, or None if it begins immediately.

    A period that starts in a month, quarter or year starts with its first day. `trace` gets the
    sentences that explain it.

    Raises:
        Invalid: the rule cannot be resolved (at `starts`).
    """
    rule = obligation.starts
    if rule is None:
        return None
    context = replace(obligation.context, deadlines=latest_events(sources, rule), grace=None)
    with rejecting_at("starts"):
        resolved = next(resolve(rule, context), None)
    if resolved is None:
        # The period does not begin until its start has a date.
        return due.due_at if due else NO_DATE
    start, on = resolved.due, resolved.due.due_on
    if isinstance(rule, DateRule) and rule.precision is not Precision.DAY:
        on = period_of(rule.on, rule.precision).first
        trace.append(f"What starts in {period_phrase(rule.on, rule.precision)} starts on {on}.")
    is_day = start.due_at == day_end(start.due_on, start.timezone)
    starts_at = day_start(on, start.timezone) if is_day else start.due_at
    trace.append(f"The period begins at {starts_at:%Y-%m-%d %H:%M}Z.")
    return starts_at
