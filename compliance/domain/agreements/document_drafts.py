"""Drafts of agreement documents: a whole agreement and all records about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from compliance.domain.agreements.drafts import (
    AgreementTerms,
    ObligationDraft,
    PartyFields,
)
from compliance.domain.agreements.milestone_drafts import (
    DatedDraft,
    MilestoneDraft,
    PartyDateDraft,
    each_party_once,
    each_ref_once,
)
from compliance.domain.date_fields import CivilDayOrPeriod, GivenPrecision, Instant, TimeZoneName
from compliance.domain.deadlines.drafts import (
    AgreementFactDraft,
    DayOrInstant,
    FactDraft,
    PositionDraft,
)
from compliance.domain.deadlines.numbers import LARGEST_NUMBER
from compliance.domain.drafts import Draft
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.fields import WHOLE, Line
from compliance.domain.limits import AtMost
from compliance.domain.people.drafts import TeamSlugs
from compliance.domain.period_fields import ends_read
from compliance.domain.vocabulary import FactKind, Precision, Visibility

MOST_OUTCOMES = 10_000
"""The maximum number of facts, and of positions, of one obligation in a document."""


DeadlineNumber = Annotated[int, Field(strict=True, ge=1, le=LARGEST_NUMBER), WHOLE]
"""The number of a deadline within its obligation."""


class ParticipantDraft(PartyFields):
    """A party in an agreement document, with its role in the agreement.

    The time zone may be omitted if the party is stored, if its country has only one, or if the
    agreement names one.
    """

    timezone: TimeZoneName | None = None
    role: Line = ""


class DocumentPartyDate(PartyDateDraft):
    """The date of a milestone for one party; `recorded_at` is when it became known."""

    recorded_at: Instant | None = None


class FormerDate(DatedDraft):
    """A date that a milestone had from `recorded_at` on, or none, until it got the next one."""

    recorded_at: Instant

    @model_validator(mode="after")
    def _is_dated_once(self) -> Self:
        if self.on is not None and self.at is not None:
            sentence = "Give on (a day) or at (an instant), or neither if it had no date."
            raise ValueError(sentence)
        return self


class DocumentMilestone(MilestoneDraft):
    """A milestone in a document; `recorded_at` is when its date became known.

    Before that, it had the dates in `earlier`, oldest first, and before these none. If each party
    has a date of its own, each of these can have a `recorded_at` instead.
    """

    recorded_at: Instant | None = None
    dates: (
        Annotated[tuple[DocumentPartyDate, ...], AtMost(500), AfterValidator(each_party_once)]
        | None
    ) = None
    earlier: Annotated[tuple[FormerDate, ...], AtMost(100)] = ()

    @model_validator(mode="after")
    def _has_earlier_dates_in_order(self) -> Self:
        if self.earlier and self.dates is not None:
            sentence = "Each party has its own date: give recorded_at in dates, not earlier."
            raise ValueError(sentence)
        if not self.earlier:
            return self
        if self.recorded_at is None:
            sentence = "Give recorded_at as well: when the last date became known."
            raise ValueError(sentence)
        times = [*(each.recorded_at for each in self.earlier), self.recorded_at]
        if any(later <= first for first, later in pairwise(times)):
            sentence = "List the dates in earlier in the order of recorded_at, before the last one."
            raise ValueError(sentence)
        return self


class _OfDeadline(Draft):
    """Names the deadline that a row of a document is about, and when the row became known."""

    due_on: CivilDayOrPeriod | None = None
    due_on_precision: GivenPrecision = Precision.DAY
    number: DeadlineNumber | None = None
    recorded_at: Instant | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_due_period(cls, value: Any) -> Any:
        return ends_read(value, "due_on")


class NamedFact(DayOrInstant):
    """An earlier fact about the same deadline or agreement, named by its type and its date."""

    type: FactKind

    @model_validator(mode="before")
    @classmethod
    def _is_named(cls, value: Any) -> Any:
        if isinstance(value, dict | NamedFact):
            return value
        sentence = (
            "Name the earlier fact by its type and its date, such as "
            "{'type': 'performance', 'on': '2026-03-01'}."
        )
        raise PydanticCustomError("named_fact", "{reason}", {"reason": sentence})


class DocumentFact(_OfDeadline, FactDraft):
    """A fact in a document.

    If the obligation has several deadlines, `due_on` names the deadline of the fact, or `number`
    does, if several are due on that day. `recorded_at` is when the fact became known, if that was
    before the import. `supersedes` names the fact that it corrects or retracts.
    """

    supersedes: NamedFact | None = None  # type: ignore[assignment]  # documents have names, not ids


class DocumentPosition(_OfDeadline, PositionDraft):
    """A position in a document.

    If the obligation has several deadlines, `due_on` or `number` names that of the position.
    `recorded_at` is when the position became known, if that was before the import.
    """


class DocumentAgreementFact(AgreementFactDraft):
    """A fact about the whole agreement in a document; `recorded_at` is when it became known."""

    recorded_at: Instant | None = None
    supersedes: NamedFact | None = None  # type: ignore[assignment]  # documents have names, not ids


class DocumentEvidence(EvidenceDraft):
    """A piece of evidence in a document; `recorded_at` is when it became known."""

    recorded_at: Instant | None = None

    @model_validator(mode="after")
    def _names_no_stored_deadlines(self) -> Self:
        if self.deadlines:
            sentence = "A document cannot refer to stored deadlines: use obligations instead."
            raise ValueError(sentence)
        return self


class DocumentObligation(ObligationDraft):
    """An obligation in a document, with its facts and positions.

    `recorded_at` is when the obligation became known, if that was before the import. What was
    recorded about it earlier becomes known with it.
    """

    recorded_at: Instant | None = None
    facts: Annotated[tuple[DocumentFact, ...], AtMost(MOST_OUTCOMES)] = ()
    positions: Annotated[tuple[DocumentPosition, ...], AtMost(MOST_OUTCOMES)] = ()


class AgreementDocument(AgreementTerms):
    """A whole agreement: its parties, its obligations and the records about them.

    If anything in it has a `recorded_at`, the document describes a history. The agreement then
    counts as known from its own `recorded_at`, or else from its beginning.
    """

    format: Literal["pacta.agreement/v1"]
    recorded_at: Instant | None = None
    parties: Annotated[tuple[ParticipantDraft, ...], Field(min_length=1), AtMost(500)]
    milestones: Annotated[
        tuple[DocumentMilestone, ...], AtMost(500), AfterValidator(each_ref_once)
    ] = ()
    visibility: Visibility | None = None
    teams: TeamSlugs | None = None
    evidence: Annotated[tuple[DocumentEvidence, ...], AtMost(20_000)] = ()
    facts: Annotated[tuple[DocumentAgreementFact, ...], AtMost(1_000)] = ()
    obligations: Annotated[tuple[DocumentObligation, ...], AtMost(20_000)] = ()

    @property
    def has_records(self) -> bool:
        """Whether the document has evidence, facts or positions."""
        return bool(
            self.evidence
            or self.facts
            or any(each.facts or each.positions for each in self.obligations)
        )

    @property
    def has_history(self) -> bool:
        """Whether any part of the document has a `recorded_at`."""
        return next(self.recorded_times(), None) is not None

    def recorded_times(self) -> Iterator[datetime]:
        """Yield when the parts of the document became known, as far as it says so."""
        parts: list[Any] = [self, *self.evidence, *self.facts, *self.milestones, *self.obligations]
        for milestone in self.milestones:
            parts += [*milestone.earlier, *(milestone.dates or ())]
        for each in self.obligations:
            parts += [*each.facts, *each.positions]
        for part in parts:
            if part.recorded_at is not None:
                yield part.recorded_at
