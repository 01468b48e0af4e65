"""Milestones that follow from others: the dates that their own rules give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from compliance.domain.agreements.milestone_drafts import MilestoneDraft
from compliance.domain.civil_periods import period_of
from compliance.domain.deadlines.dependencies import (
    DependencyCycle,
    dependency_levels,
    dependents_by_source,
)
from compliance.domain.due_dates.contexts import ResolutionContext, Unresolvable
from compliance.domain.due_dates.periods import Event, event_in
from compliance.domain.due_dates.resolution import resolve
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Precision


def dated_by_rules(
    drafts: Sequence[MilestoneDraft], context: ResolutionContext
) -> list[MilestoneDraft]:
    """Return the milestones. One that has a rule gets its day from that rule.

    It has no date while the milestone from which it counts has none. `context` has the dates of
    milestones that are not among the drafts.

    Raises:
        Invalid: a rule cannot be resolved, or milestones count from each other in a circle.
    """
    given = {draft.ref: draft for draft in drafts}
    paths = {draft.ref: f"milestones/{index}/due" for index, draft in enumerate(drafts)}
    sources = {ref: anchor for ref, draft in given.items() if (anchor := anchor_of(draft))}
    for ref, anchor in sources.items():
        if anchor in given and given[anchor].dates is not None:
            sentence = f"Each party has its own date of {anchor}: count from another milestone."
            raise refusal(f"{paths[ref]}/from/milestone", sentence)
    try:
        levels = dependency_levels(
            given, dependents_by_source((ref, on) for ref, on in sources.items() if on in given)
        )
    except DependencyCycle as error:
        raise refusal("milestones", str(error)) from None
    events: dict[str, Event | None] = dict(context.milestones)
    for ref in (ref for level in levels for ref in level):
        draft = given[ref]
        if draft.due is not None:
            given[ref] = draft = _dated(draft, replace(context, milestones=events), paths[ref])
        events[ref] = _event(draft)
    return [given[draft.ref] for draft in drafts]


def anchor_of(draft: MilestoneDraft) -> str | None:
    """Return the ref of the milestone from which a milestone counts."""
    rule = draft.due
    return rule.anchor.milestone if isinstance(rule, OffsetRule) and rule.anchor else None


def known_with_anchors(
    drafts: Sequence[MilestoneDraft], recorded_at: Mapping[str, object]
) -> dict[str, str]:
    """Return, for each milestone with a rule, the first one in its chain without a rule."""
    anchors = {draft.ref: anchor for draft in drafts if (anchor := anchor_of(draft))}
    found = {}
    for ref in anchors:
        last = ref
        while last in anchors:
            last = anchors[last]
        if last in recorded_at:
            found[ref] = last
    return found


def _dated(draft: MilestoneDraft, context: ResolutionContext, path: str) -> MilestoneDraft:
    assert draft.due is not None
    try:
        resolved = next(resolve(draft.due, context), None)
    except Unresolvable as error:
        raise refusal(f"{path}/{error.path}", str(error)) from None
    on = resolved.due.due_on if resolved is not None else None
    return draft.model_copy(update={"on": on, "precision": Precision.DAY, "at": None})


def _event(draft: MilestoneDraft) -> Event | None:
    if draft.at is not None:
        return Event(on=draft.at.date(), at=draft.at)
    return None if draft.on is None else event_in(period_of(draft.on, draft.precision))
