"""Drafts of facts and positions."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from compliance.domain.civil_periods import CivilPeriod, period_from_text, period_of
from compliance.domain.date_fields import CivilDayOrPeriod, GivenPrecision, Instant
from compliance.domain.deadlines.draft_schemas import ONE_DATE, ONE_DATE_OR_RETRACTION
from compliance.domain.drafts import Draft
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.rule_types import DateRule, OffsetRule
from compliance.domain.fields import (
    AgreementRef,
    Flag,
    Measure,
    PartyCode,
    Ref,
    Refs,
    RowId,
    Share,
    Text,
)
from compliance.domain.vocabulary import FactKind, Precision, Verdict

_LASTING = frozenset({FactKind.VIOLATION, FactKind.SUSPENSION})
# Values, and targets of values, may be 0 or negative.
_WITH_ANY_QUANTITY = frozenset({FactKind.MEASUREMENT, FactKind.RESTATEMENT})
_WITH_QUANTITY = _WITH_ANY_QUANTITY | {FactKind.PERFORMANCE, FactKind.DETERMINATION}


class DayOrInstant(Draft):
    """When something took effect: either a civil day (`on`) or an instant (`at`).

    If only the month, quarter or year is known, `on` gives that (`2007-06`, `2007-Q2`, `2007`). It
    is then read as its first day, with its `precision`.
    """

    model_config = ConfigDict(json_schema_extra=ONE_DATE)
    on: CivilDayOrPeriod | None = None
    precision: GivenPrecision = Precision.DAY
    at: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_period(cls, value: Any) -> Any:
        period = period_from_text(value.get("on")) if isinstance(value, dict) else None
        if period is None:
            return value
        return {**value, "on": period.first, "precision": _agreeing(value, "precision", period)}

    @model_validator(mode="after")
    def _is_first_day(self) -> Self:
        if self.precision is Precision.DAY:
            return self
        if self.on is None or period_of(self.on, self.precision).first != self.on:
            sentence = f"Give on as a {self.precision} to state that precision, or omit it."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        _require_one_date(self)
        return self


def _agreeing(value: dict[str, Any], name: str, period: CivilPeriod) -> object:
    """Return the precision that a value states, or that of its period if it states none."""
    stated = value.get(name)
    return stated if stated not in (None, period.precision) else period.precision


def _require_one_date(draft: DayOrInstant) -> None:
    if (draft.on is None) == (draft.at is None):
        sentence = "Give either on (a day) or at (an instant with its offset)."
        raise ValueError(sentence)


Until = CivilDayOrPeriod | Instant
"""The end of something that lasts: its last civil day, or the exclusive instant of its end."""

_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_DAY: TypeAdapter[date] = TypeAdapter(CivilDayOrPeriod)


def _day_or_instant(value: object) -> object:
    """Read a text as a day or an instant, depending on its length, to report relevant errors."""
    is_long = isinstance(value, str) and len(value.strip()) > len("2025-05-14")
    if is_long or isinstance(value, datetime):
        return _INSTANT.validate_python(value)
    return value if value is None else _DAY.validate_python(value)


class _BaseFactDraft(DayOrInstant):
    """The fields of every fact. Some facts last until the end of a day, or until an instant."""

    model_config = ConfigDict(json_schema_extra=ONE_DATE_OR_RETRACTION)
    until: Annotated[Until | None, BeforeValidator(_day_or_instant)] = None
    until_precision: GivenPrecision = Precision.DAY
    is_tolling: Flag = False
    note: Text = ""
    evidence: Refs = ()
    supersedes: RowId | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_last_period(cls, value: Any) -> Any:
        period = period_from_text(value.get("until")) if isinstance(value, dict) else None
        if period is None:
            return value
        stated = _agreeing(value, "until_precision", period)
        return {**value, "until": period.last, "until_precision": stated}

    @model_validator(mode="after")
    def _is_last_day(self) -> Self:
        until, precision = self.until, self.until_precision
        if precision is not Precision.DAY:
            is_day = until is not None and not isinstance(until, datetime)
            if until is None or not is_day or period_of(until, precision).last != until:
                sentence = f"Give until as a {precision} to state that precision, or omit it."
                raise ValueError(sentence)
        return self

    @property
    def kind(self) -> FactKind:
        """The kind of fact."""
        kind: FactKind = getattr(self, "type")  # noqa: B009 -- each subclass allows other kinds
        return kind

    @model_validator(mode="after")
    def _is_dated(self) -> Self:
        if self.kind is not FactKind.RETRACTION:
            _require_one_date(self)
        elif self.on is not None or self.at is not None:
            sentence = "A retraction has no date of its own: remove on and at."
            raise ValueError(sentence)
        elif self.supersedes is None:
            sentence = "Name the fact that is retracted: give supersedes."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.until is not None and self.kind not in _LASTING:
            sentence = "Only a violation or a suspension can have until: remove it."
            raise ValueError(sentence)
        if self.is_tolling and self.kind is not FactKind.SUSPENSION:
            sentence = "Only a suspension can be tolling (stop the clock): remove is_tolling."
            raise ValueError(sentence)
        start = self.on or self.at
        if self.until is not None and type(start) is type(self.until):
            is_day = not isinstance(self.until, datetime)
            if self.until < start or (self.until == start and not is_day):
                sentence = f"The end, {self.until}, is before the start, {start}: correct until."
                raise ValueError(sentence)
        return self


class FactDraft(_BaseFactDraft):
    """A fact about a deadline.

    An extension has its new `due`; without one, it postpones the deadline until another fact sets a
    date. A measurement states the value on a day as `quantity`, and a restatement the new target. A
    determination needs a `verdict` and its reasons as `note`; if it is `partly_met`, it may say how
    much is accepted in total, as `quantity` or `share`. If it `is_final`, it closes a deadline that
    is unmet. A replacement needs its `successor`, an obligation of the same agreement or of
    `successor_agreement`. A retraction needs the fact that it `supersedes`, and takes effect when
    that fact did.
    """

    type: FactKind
    quantity: Measure | None = None
    verdict: Verdict | None = None
    share: Share | None = None
    is_final: Flag = False
    due: DueRule | None = None
    successor: Ref | None = None
    successor_agreement: AgreementRef | None = None

    @model_validator(mode="after")
    def _fits_a_deadline(self) -> Self:
        if self.type is FactKind.TERMINATION:
            sentence = (
                "A termination ends a whole agreement: record it on the agreement, or record a "
                "cancellation."
            )
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _has_due_only_if_extension(self) -> Self:
        if self.type is not FactKind.EXTENSION and self.due is not None:
            sentence = "Only an extension has a new due date: remove due."
            raise ValueError(sentence)
        if self.due is not None and not isinstance(self.due, DateRule | OffsetRule):
            sentence = "An extension has one new date: use a due rule of type date or offset."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _has_successor_if_replacement(self) -> Self:
        if self.type is FactKind.REPLACEMENT and self.successor is None:
            sentence = "A replacement names the obligation that takes its place: give successor."
            raise ValueError(sentence)
        if self.type is not FactKind.REPLACEMENT and (self.successor or self.successor_agreement):
            sentence = (
                "Only a replacement has a successor: remove successor and successor_agreement."
            )
            raise ValueError(sentence)
        return self

    @field_validator("quantity")
    @classmethod
    def _is_above_zero(cls, value: Decimal | None, info: ValidationInfo) -> Decimal | None:
        if value is not None and value <= 0 and info.data.get("type") not in _WITH_ANY_QUANTITY:
            raise PydanticCustomError("quantity", "A fact of this type has a quantity above 0.")
        return value

    @model_validator(mode="after")
    def _has_quantity_if_counted(self) -> Self:
        if self.quantity is not None and self.type not in _WITH_QUANTITY:
            sentence = (
                "Only a performance, a measurement, a restatement or a determination has a "
                "quantity: remove it."
            )
            raise ValueError(sentence)
        if self.type is FactKind.MEASUREMENT and self.quantity is None:
            sentence = "A measurement needs the measured value: give quantity."
            raise ValueError(sentence)
        if self.type is FactKind.RESTATEMENT and self.quantity is None:
            sentence = "A restatement needs the new target: give quantity."
            raise ValueError(sentence)
        return self

    @model_validator(mode="after")
    def _is_a_whole_determination(self) -> Self:
        if self.type is not FactKind.DETERMINATION:
            if self.verdict is not None or self.share is not None or self.is_final:
                sentence = "Only a determination has verdict, share and is_final: remove them."
                raise ValueError(sentence)
            return self
        if self.verdict is None:
            sentence = "A determination needs a verdict: set verdict."
            raise ValueError(sentence)
        if not self.note:
            sentence = "A determination needs reasons: state them in note."
            raise ValueError(sentence)
        amounts = [each for each in (self.quantity, self.share) if each is not None]
        if self.verdict is Verdict.PARTLY_MET and len(amounts) > 1:
            sentence = "Give how much was met in total as quantity or as share (0 to 1), not both."
            raise ValueError(sentence)
        if self.verdict is not Verdict.PARTLY_MET and amounts:
            sentence = "Only partly_met has a quantity or a share: remove it."
            raise ValueError(sentence)
        if self.is_final and self.verdict not in {Verdict.PARTLY_MET, Verdict.NOT_MET}:
            sentence = "Only not_met and partly_met can be final: remove is_final."
            raise ValueError(sentence)
        return self


class AgreementFactDraft(_BaseFactDraft):
    """A suspension or termination of a whole agreement.

    It applies to every open deadline, except those of obligations that survive termination.
    """

    type: Literal[FactKind.SUSPENSION, FactKind.TERMINATION, FactKind.RETRACTION]


class PositionDraft(DayOrInstant):
    """What a party, or an assessor who is not a party, says about a deadline.

    One that is undetermined contradicts nobody, and replaces what the party said before. A position
    that something is partly met may say how much, as a `share` of the whole.
    """

    party: PartyCode
    verdict: Verdict
    share: Share | None = None
    quote: Text = ""
    evidence: Refs = ()

    @model_validator(mode="after")
    def _has_share_only_if_partly_met(self) -> Self:
        if self.share is not None and self.verdict is not Verdict.PARTLY_MET:
            sentence = "Only partly_met has a share: remove it."
            raise ValueError(sentence)
        return self
