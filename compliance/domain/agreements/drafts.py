"""Drafts of parties, agreements, milestones and obligations."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from compliance.domain.agreements.milestone_drafts import Milestones
from compliance.domain.alerts.drafts import NotificationPolicyDraft
from compliance.domain.country_zones import only_zone
from compliance.domain.date_fields import CivilDayOrPeriod, GivenPrecision, TimeZoneName
from compliance.domain.deadlines.terms import is_only_measured
from compliance.domain.drafts import Draft
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.grace_periods import Grace
from compliance.domain.due_dates.rule_parts import MOST_CALENDARS, CalendarName
from compliance.domain.due_dates.rule_types import DateRule, OffsetRule, UndatedRule
from compliance.domain.fields import (
    AgreementRef,
    Country,
    Flag,
    Line,
    LongTitle,
    Measure,
    PartyCode,
    Ref,
    ShareOrAll,
    Tag,
    Text,
    Title,
    all_different,
)
from compliance.domain.formats import ALL_DIFFERENT, TIME_ZONE
from compliance.domain.limits import AtMost
from compliance.domain.people.drafts import TeamSlugs
from compliance.domain.period_fields import ends_read, starts_read
from compliance.domain.responsible import ResponsibleNames
from compliance.domain.vocabulary import (
    AgreementKind,
    ObligationKind,
    PartyKind,
    Precision,
    RollUp,
    Severity,
    TargetBound,
    Visibility,
)


class PartyFields(Draft):
    """The fields of a party, apart from its time zone."""

    code: PartyCode
    name: Title
    kind: PartyKind
    country: Country | None = None


def _given_zone(value: object) -> object:
    if value is None or value == "":
        sentence = "Give the time zone, such as 'Asia/Shanghai': the country does not determine it."
        raise ValueError(sentence)
    return value


class PartyDraft(PartyFields):
    """A state, organisation or company that can owe an obligation or be owed one.

    The time zone may be omitted if the country has only one.
    """

    timezone: Annotated[
        TimeZoneName,
        BeforeValidator(_given_zone),
        Field(default_factory=str, validate_default=True),
        WithJsonSchema({"anyOf": [{"type": "string", "format": TIME_ZONE.name}, {"type": "null"}]}),
    ]

    @model_validator(mode="before")
    @classmethod
    def _takes_the_only_zone(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("timezone") is None:
            zone = only_zone(value.get("country"))
            return value if zone is None else {**value, "timezone": zone}
        return value


ASSESSOR = "assessor"
"""The role of a party that is neither obligor nor obligee, and only states positions."""


class MembershipDraft(Draft):
    """A stored party as a party to an agreement."""

    code: PartyCode
    role: Line = ""


class AgreementTerms(Draft):
    """The fields of an agreement, apart from its parties and milestones.

    If only the month, quarter or year of a date is known, the agreement begins with its first day,
    and ends with its last.
    """

    ref: AgreementRef
    title: LongTitle
    kind: AgreementKind
    signed_on: CivilDayOrPeriod | None = None
    signed_on_precision: GivenPrecision = Precision.DAY
    in_force_on: CivilDayOrPeriod | None = None
    in_force_on_precision: GivenPrecision = Precision.DAY
    ends_on: CivilDayOrPeriod | None = None
    ends_on_precision: GivenPrecision = Precision.DAY
    timezone: TimeZoneName | None = None
    calendars: Annotated[
        tuple[CalendarName, ...],
        AtMost(MOST_CALENDARS),
        AfterValidator(all_different),
        ALL_DIFFERENT,
    ] = ()
    requires_approval: Flag = False
    notification_policy: NotificationPolicyDraft | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_periods(cls, value: Any) -> Any:
        return ends_read(starts_read(value, "signed_on", "in_force_on"), "ends_on")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        begin = self.in_force_on or self.signed_on
        if self.ends_on is not None and begin is not None and self.ends_on < begin:
            sentence = f"ends_on ({self.ends_on}) is before the agreement begins ({begin})."
            raise ValueError(sentence)
        return self


class AgreementDraft(AgreementTerms):
    """An agreement between parties that are already stored.

    Without `visibility` or `teams`, these stay as they are; everyone sees a new agreement.
    """

    visibility: Visibility | None = None
    teams: TeamSlugs | None = None
    milestones: Milestones = ()
    parties: Annotated[tuple[MembershipDraft, ...], Field(min_length=1), AtMost(500)]


_Parties = Annotated[
    tuple[PartyCode, ...],
    Field(min_length=1),
    AtMost(100),
    AfterValidator(all_different),
    ALL_DIFFERENT,
]


class ReasonDraft(Draft):
    """Why something is done, such as archiving an agreement."""

    reason: LongTitle


class MergeDraft(ReasonDraft):
    """The party that takes over everything from a duplicate; `dry_run` only shows the effect."""

    into: PartyCode
    dry_run: Flag = False


class ObligationDraft(Draft):
    """One obligation.

    An obligation to achieve something has no deadline of its own without a `due` rule. An
    obligation to maintain or refrain has no end without `due`; `starts` says when its period
    begins. `binds_on` is the day from which the obligation binds; without it, this follows from
    `starts` and the dates of the agreement.
    `responsible` names the users and teams who take care of it and are notified about it.
    `roll_up` says how many components must be done for the obligation to be done.

    Performances add up to `target_quantity`, or measured values must keep to it: to a ceiling
    (`target_bound` is `at_most`), and to any target of an obligation to maintain or refrain.
    """

    ref: Ref
    title: LongTitle
    kind: ObligationKind = ObligationKind.ACHIEVE
    obligors: _Parties
    obligees: _Parties
    clause: Line = ""
    text: Text = ""
    due: DueRule | None = None
    grace: Grace | None = None
    binds_on: CivilDayOrPeriod | None = None
    binds_on_precision: GivenPrecision = Precision.DAY
    starts: DueRule | None = None
    survives_termination: Flag = False
    severity: Severity = Severity.NORMAL
    tags: Annotated[tuple[Tag, ...], AtMost(50), AfterValidator(all_different), ALL_DIFFERENT] = ()
    responsible: ResponsibleNames = ()
    parent: Ref | None = None
    roll_up: RollUp = RollUp.ALL
    roll_up_share: ShareOrAll | None = None
    target_bound: TargetBound = TargetBound.AT_LEAST
    target_quantity: Measure | None = None
    unit: Line = ""
    notification_policy: NotificationPolicyDraft | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_period(cls, value: Any) -> Any:
        return starts_read(value, "binds_on")

    @field_validator("target_quantity")
    @classmethod
    def _can_be_reached(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        kind = info.data.get("kind", ObligationKind.ACHIEVE)
        bound = info.data.get("target_bound", TargetBound.AT_LEAST)
        if value is not None and value <= 0 and not is_only_measured(kind, bound):
            sentence = "Performances add up to this target: give a number greater than 0."
            raise PydanticCustomError("quantity", sentence)
        return value

    @model_validator(mode="after")
    def _has_a_target_if_bounded(self) -> Self:
        if self.target_bound is not TargetBound.AT_LEAST and self.target_quantity is None:
            sentence = "A ceiling (at_most) needs a target: give target_quantity."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.kind is ObligationKind.ACHIEVE:
            if self.starts is not None:
                sentence = "Only an obligation to maintain or refrain has a start: remove starts."
                raise ValueError(sentence)
            return self
        if isinstance(self.due, UndatedRule):
            sentence = f"Without an end, an obligation to {self.kind} has no due rule: remove due."
            raise ValueError(sentence)
        if self.grace is not None:
            sentence = f"An obligation to {self.kind} has no grace period: remove grace."
            raise ValueError(sentence)
        if self.starts is not None and not isinstance(self.starts, DateRule | OffsetRule):
            sentence = "The period starts once: use a rule of type date or offset for starts."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.grace is not None and self.due is None:
            sentence = "A grace period needs a due rule: give due, or remove grace."
            raise ValueError(sentence)
        if (
            self.binds_on is not None
            and isinstance(self.due, DateRule)
            and self.due.on < self.binds_on
        ):
            sentence = (
                f"binds_on ({self.binds_on}) is after the due date ({self.due.on}): correct one of "
                "them, or remove binds_on."
            )
            raise ValueError(sentence)
        if self.unit and self.target_quantity is None:
            sentence = "A unit needs a target: give target_quantity, or remove unit."
            raise ValueError(sentence)
        if (self.roll_up is RollUp.SHARE) != (self.roll_up_share is not None):
            sentence = "Give roll_up_share (such as 0.75) if, and only if, roll_up is share."
            raise ValueError(sentence)
        if self.parent == self.ref:
            sentence = "An obligation cannot be a component of itself: correct parent."
            raise ValueError(sentence)
        return self
