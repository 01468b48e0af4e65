"""Drafts of milestones."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, model_validator

from compliance.domain.date_fields import CivilDayOrPeriod, GivenPrecision, Instant
from compliance.domain.drafts import Draft
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.rule_types import OffsetRule
from compliance.domain.fields import LongLine, PartyCode, Ref, all_different
from compliance.domain.limits import AtMost
from compliance.domain.period_fields import starts_read
from compliance.domain.vocabulary import Precision


class DatedDraft(Draft):
    """When something happened: on a civil day or in a period, at an instant, or neither."""

    on: CivilDayOrPeriod | None = None
    precision: GivenPrecision = Precision.DAY
    at: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_period(cls, value: Any) -> Any:
        return starts_read(value, "on")


class PartyDateDraft(DatedDraft):
    """The date of a milestone for one party, such as the day of its ratification."""

    party: PartyCode

    @model_validator(mode="after")
    def _is_dated_once(self) -> Self:
        if (self.on is None) == (self.at is None):
            sentence = "Give on (a day) or at (an instant); leave out a party without a date."
            raise ValueError(sentence)
        return self


_PartyDateT = TypeVar("_PartyDateT", bound=PartyDateDraft)


def each_party_once(drafts: tuple[_PartyDateT, ...]) -> tuple[_PartyDateT, ...]:
    """Reject dates of the same party."""
    all_different(tuple(each.party for each in drafts))
    return drafts


class MilestoneDraft(DatedDraft):
    """An event to count from: on a civil day, at an instant, or without a date yet.

    If only the month, quarter or year is known, what counts from it is read in two ways: as if it
    happened on the first day of that period, and on the last.

    With `due`, an offset from another milestone or from a day, it has the day that the rule gives
    it, and `on` is ignored.

    With `dates`, which may be empty, each party has a date of its own. An obligation that counts
    from it has a deadline for each obligor.
    """

    ref: Ref
    title: LongLine = ""
    due: DueRule | None = None
    dates: (
        Annotated[tuple[PartyDateDraft, ...], AtMost(500), AfterValidator(each_party_once)] | None
    ) = None

    @model_validator(mode="after")
    def _has_a_plain_rule(self) -> Self:
        rule = self.due
        if rule is None:
            return self
        if not isinstance(rule, OffsetRule) or rule.anchor is None or rule.anchor.deadline:
            sentence = "A milestone counts from another one: use due with an offset from it."
            raise ValueError(sentence)
        if rule.unit.is_elapsed or rule.time is not None or self.at is not None:
            sentence = "A milestone with a rule happens on a day: remove at, time and hours."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _has_no_date_if_each_party_has_one(self) -> Self:
        if self.dates is not None and (self.on or self.at or self.due):
            sentence = "Each party has its own date: remove on, at and due, or dates."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _is_dated_once(self) -> Self:
        if self.on is not None and self.at is not None:
            sentence = "Give on (a day) or at (an instant), or neither if the date is not known."
            raise ValueError(sentence)
        return self


_MilestoneT = TypeVar("_MilestoneT", bound=MilestoneDraft)


def each_ref_once(drafts: tuple[_MilestoneT, ...]) -> tuple[_MilestoneT, ...]:
    """Reject milestones with the same ref."""
    seen: set[str] = set()
    for draft in drafts:
        if draft.ref in seen:
            sentence = f"The milestone {draft.ref} is given more than once: remove the duplicates."
            raise ValueError(sentence)
        seen.add(draft.ref)
    return drafts


Milestones = Annotated[tuple[MilestoneDraft, ...], AtMost(500), AfterValidator(each_ref_once)]
"""The milestones of an agreement; each ref occurs once."""
