"""Drafts of evidence."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, model_validator

from compliance.domain.date_fields import CivilDayOrPeriod, GivenPrecision
from compliance.domain.drafts import Draft
from compliance.domain.fields import (
    LongTitle,
    PartyCode,
    Ref,
    Refs,
    RowId,
    Text,
    Url,
    all_different,
)
from compliance.domain.formats import ALL_DIFFERENT
from compliance.domain.limits import AtMost
from compliance.domain.period_fields import starts_read
from compliance.domain.vocabulary import EvidenceKind, Precision, Stance


class EvidenceDraft(Draft):
    """A document, statement or search log about obligations of one agreement, or their deadlines.

    A search log records a search that found nothing; `published_on` is the day of the search.
    """

    ref: Ref
    title: LongTitle
    kind: EvidenceKind
    url: Url = ""
    quote: Text = ""
    published_on: CivilDayOrPeriod | None = None
    published_on_precision: GivenPrecision = Precision.DAY
    asserted_by: PartyCode | None = None
    stance: Stance
    obligations: Refs = ()
    deadlines: Annotated[
        tuple[RowId, ...], AtMost(1_000), AfterValidator(all_different), ALL_DIFFERENT
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _read_period(cls, value: Any) -> Any:
        return starts_read(value, "published_on")
