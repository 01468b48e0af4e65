"""Previews of due rules. They store nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from compliance.domain.agreements.party_dates import load_dates
from compliance.domain.civil_time import wall_clock
from compliance.domain.date_fields import CivilDay, TimeZoneName
from compliance.domain.deadlines.dependencies import references
from compliance.domain.deadlines.due_changes import zone_named_by
from compliance.domain.deadlines.outlying_dates import due_after_end
from compliance.domain.drafts import Draft
from compliance.domain.due_dates.contexts import GraceUnresolvable, ResolutionContext, Unresolvable
from compliance.domain.due_dates.due_instants import Resolved
from compliance.domain.due_dates.due_rules import DueRule, awaited_event, dump_due_rule, event_path
from compliance.domain.due_dates.grace_periods import Grace, GraceUnit
from compliance.domain.due_dates.local_holidays import MOST_PARTS, count_parts
from compliance.domain.due_dates.periods import Event
from compliance.domain.due_dates.previews import MOST_SHOWN, preview
from compliance.domain.due_dates.rule_types import OffsetRule, RecurrenceRule, TriggerRule
from compliance.domain.fields import WHOLE, AgreementRef, Flag, PartyCode
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import PeriodUnit
from compliance.models import Agreement, Milestone, Party
from compliance.models.agreements.milestones import milestone_event
from compliance.models.due_dates.calendars import custom_calendars
from compliance.models.people.readers import Reader
from compliance.models.visibility import visible_to
from compliance.queries.rows import Row, fetch

_BUSINESS_DAYS_A_YEAR = 250


class PreviewDraft(Draft):
    """A rule to preview, and its context: agreement, obligor, obligee, zone and grace period."""

    rule: DueRule
    grace: Grace | None = None
    agreement: Annotated[
        AgreementRef | None,
        Field(description="Supplies the zone, calendars, milestones and deadlines."),
    ] = None
    obligor: Annotated[
        PartyCode | None, Field(description="Supplies the zone if no other is given.")
    ] = None
    obligee: Annotated[
        PartyCode | None, Field(description="Supplies the other zone of a two-sided window.")
    ] = None
    timezone: Annotated[TimeZoneName | None, Field(description="Used if the rule has none.")] = None
    event_on: Annotated[
        CivilDay | None,
        Field(
            description="For a rule that waits for an event: the day on which to suppose that it "
            "happens."
        ),
    ] = None
    survives_termination: Annotated[
        Flag, Field(description="Whether the end of the agreement does not affect it.")
    ] = False
    limit: Annotated[
        int,
        Field(
            strict=True,
            ge=1,
            le=MOST_SHOWN,
            description="The maximum number of dates. With several calendars, or a long grace "
            "period, there may be fewer; a warning says so.",
        ),
        WHOLE,
    ] = 50


def previewed(draft: PreviewDraft, *, reader: Reader) -> dict[str, Any]:
    """Return the dates of a rule, their instants and the trace.

    Without any zone, days end in UTC, and a warning says so.

    Raises:
        Invalid: the rule cannot be resolved, or refers to something that does not exist.
    """
    context = _context(draft, reader)
    event = _event_of(draft, context)
    is_guess = context.timezone is None and _names_no_zone(draft.rule)
    try:
        found = preview(
            draft.rule,
            replace(context, timezone="UTC") if is_guess else context,
            limit=_limit(draft, context),
            event=event,
        )
    except Unresolvable as error:
        raise refusal(f"rule/{error.path}", str(error)) from None
    except GraceUnresolvable as error:
        raise refusal("grace/count", str(error)) from None
    warnings = list(found.warnings)
    warnings[:0] = _of_parties(draft)
    if is_guess:
        sentence = "No time zone or obligor is given, so UTC is used."
        warnings.insert(0, sentence)
    end = context.ends_on
    if end is not None and any(each.due.due_on > end for each in found.dates):
        warnings.append(due_after_end(end))
    differing = next((each for each in found.dates if each.readings or each.earliest_on), None)
    return {
        "rule": dump_due_rule(draft.rule),
        "dates": [each.due.due_on for each in found.dates],
        "deadlines": [_deadline(each, context) for each in found.dates],
        "earliest": differing and (differing.earliest_on or differing.due.due_on),
        "latest": differing and differing.due.due_on,
        "earliest_at": differing.readings[0] if differing and differing.readings else None,
        "latest_at": differing.readings[-1] if differing and differing.readings else None,
        "trace": list(found.trace),
        "warnings": warnings,
    }


def _of_parties(draft: PreviewDraft) -> list[str]:
    """Return a warning if the rule counts from a milestone of which each party has a date."""
    if draft.agreement is None or draft.obligor is not None:
        return []
    named = references(draft.rule).milestones
    found = Milestone.objects.filter(
        agreement__ref=draft.agreement, ref__in=named, dates__isnull=False
    )
    return [
        f"Each party has its own date of {each.ref}: give an obligor to see its deadline."
        for each in found
    ]


def _event_of(draft: PreviewDraft, context: ResolutionContext) -> Event | None:
    """Return the event that a rule waits for, or None if it is not known yet."""
    on = awaited_event(draft.rule)
    if on is None:
        if draft.event_on is not None:
            raise refusal("event_on", "This rule waits for no event: remove event_on.")
        return None
    path = event_path(draft.rule)
    if draft.event_on is not None:
        return Event(on=draft.event_on)
    if on.milestone is not None:
        if on.milestone not in context.milestones:
            sentence = f"Milestone {on.milestone} does not exist. Give the agreement that has it."
            raise refusal(f"rule/{path}/milestone", sentence)
        return context.milestones[on.milestone]
    for name in ("breach_of", "met"):
        ref = getattr(on, name)
        if ref is not None and draft.agreement is not None and ref not in context.deadlines:
            sentence = f"{draft.agreement} has no obligation {ref}. Correct the ref."
            raise refusal(f"rule/{path}/{name}", sentence)
    return None


def _limit(draft: PreviewDraft, context: ResolutionContext) -> int:
    """Return how many dates to compute. This bounds the work for every rule."""
    if not isinstance(draft.rule, RecurrenceRule):
        return draft.limit
    # Each date may need another year of holidays from each calendar, and a count of the business
    # days in its grace period.
    then = draft.rule.then
    calendars = {draft.rule.calendars, then.calendars if then else (), context.calendars}
    work = max(_work(each or context.calendars) for each in calendars)
    if then is not None and then.unit is PeriodUnit.BUSINESS_DAYS:
        work += then.count // _BUSINESS_DAYS_A_YEAR
    if draft.grace is not None and draft.grace.unit is GraceUnit.BUSINESS_DAYS:
        work += draft.grace.count // _BUSINESS_DAYS_A_YEAR
    return max(1, min(draft.limit, MOST_SHOWN // work))


def _work(calendars: tuple[str, ...]) -> int:
    """Return how much longer a year of these calendars takes than one without subdivisions."""
    parts = count_parts(calendars)
    return max(1, len(calendars), parts // 3 if parts <= MOST_PARTS else 0)


def _deadline(resolved: Resolved, context: ResolutionContext) -> Row:
    due = resolved.due
    zones = {due.timezone, *context.party_timezones.values()}
    return {
        "due_on": due.due_on,
        "due_at": due.due_at,
        "unmet_at": due.unmet_at,
        "earliest_due_at": due.earliest_due_at,
        "timezone": due.timezone,
        "local": {name: wall_clock(due.due_at, name).isoformat() for name in sorted(zones)},
    }


def _names_no_zone(rule: DueRule) -> bool:
    return zone_named_by(rule) is None


def _context(draft: PreviewDraft, reader: Reader) -> ResolutionContext:
    party_timezones = {}
    for path in ("obligor", "obligee"):
        code = getattr(draft, path)
        if code is not None:
            party = Party.objects.filter(code=code).first()
            if party is None:
                raise refusal(path, f"Party {code} does not exist. Create it first.")
            party_timezones[code] = party.timezone
    context = ResolutionContext(
        timezone=draft.timezone or party_timezones.get(draft.obligor or ""),
        party_timezones=party_timezones,
        custom_calendars=custom_calendars(),
        grace=draft.grace,
    )
    if draft.agreement is None:
        return context
    agreement = visible_to(Agreement.objects.filter(ref=draft.agreement), reader).first()
    if agreement is None:
        raise refusal("agreement", f"Agreement {draft.agreement} does not exist.")
    return replace(
        context,
        timezone=draft.timezone or agreement.timezone or context.timezone,
        party_timezones=party_timezones or dict(agreement.parties.values_list("code", "timezone")),
        calendars=tuple(agreement.calendars),
        ends_on=None if draft.survives_termination else agreement.ends_on,
        milestones={
            each.ref: milestone_event(each)
            if each.dates is None
            else (load_dates(each.dates) or {}).get(draft.obligor or "")
            for each in agreement.milestones.all()
        },
        deadlines=_deadlines(agreement, draft.rule),
    )


def _deadlines(agreement: Agreement, rule: DueRule) -> dict[str, Event | None]:
    """Return the due date of the first deadline of each obligation of an agreement."""
    offset = rule.then if isinstance(rule, TriggerRule) else rule
    counts_time = isinstance(offset, OffsetRule) and offset.unit.is_elapsed
    return {
        row["ref"]: _event(row["due_on"], row["due_at"] if counts_time else None)
        for row in fetch((_DEADLINES,), {"agreement": agreement.pk})
    }


def _event(due_on: Any, due_at: datetime | None) -> Event | None:
    return None if due_on is None else Event(on=due_on, at=due_at)


_DEADLINES = """
SELECT DISTINCT ON (o.id) o.ref, d.due_on, d.due_at FROM compliance_obligation AS o
LEFT JOIN compliance_deadline AS d ON d.obligation_id = o.id AND NOT d.is_withdrawn
WHERE o.agreement_id = %(agreement)s
ORDER BY o.id, d.number
"""
