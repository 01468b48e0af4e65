"""The status of an agreement at an instant. All functions here are pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from compliance.domain.civil_time import civil_day
from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.vocabulary import AgreementStatus, FactKind


@dataclass(frozen=True, kw_only=True, slots=True)
class AgreementDates:
    """The dates of an agreement, and whether it is archived."""

    signed_on: date | None = None
    in_force_on: date | None = None
    ends_on: date | None = None
    is_archived: bool = False


class Stop(NamedTuple):
    """What the facts about an agreement say at an instant."""

    terminated_on: date | None = None
    is_suspended: bool = False


NO_STOP = Stop()


def stop_at(facts: Iterable[Fact], *, as_of: datetime, timezone: str) -> Stop:
    """Return whether an agreement is terminated or suspended at `as_of`.

    Args:
        facts: the facts about the whole agreement that are known.
        timezone: the zone of the agreement, in which its days are counted.
    """
    begun = [fact for fact in effective_facts(facts) if fact.effective_at <= as_of]
    terminations = [
        fact.effective_on or civil_day(fact.effective_at, timezone)
        for fact in begun
        if fact.kind is FactKind.TERMINATION
    ]
    return Stop(
        min(terminations, default=None),
        any(
            fact.kind is FactKind.SUSPENSION and (fact.until_at is None or as_of < fact.until_at)
            for fact in begun
        ),
    )


def agreement_status(
    dates: AgreementDates, stop: Stop = NO_STOP, *, today: date
) -> AgreementStatus:
    """Return the status of an agreement.

    An archived agreement is archived in every view, also of the past. Otherwise, what ended the
    agreement first decides: its termination, or its last day. Without a date of entry into force,
    an agreement is in force from its signature. Without either date it counts as in force, as its
    deadlines do. `queries.agreement_statuses` states the same in SQL.

    Args:
        stop: the termination and suspension that have taken effect.
        today: the current day in the zone of the agreement.
    """
    if dates.is_archived:
        return AgreementStatus.ARCHIVED
    if stop.terminated_on is not None and (
        dates.ends_on is None or stop.terminated_on <= dates.ends_on
    ):
        return AgreementStatus.TERMINATED
    if dates.ends_on is not None and dates.ends_on < today:
        return AgreementStatus.EXPIRED
    starts_on = dates.in_force_on or dates.signed_on
    if starts_on is not None and starts_on > today:
        return AgreementStatus.DRAFT
    return AgreementStatus.SUSPENDED if stop.is_suspended else AgreementStatus.IN_FORCE
