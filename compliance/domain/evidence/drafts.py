"""Drafts of evidence."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from compliance.domain.date_fields import CivilDay
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
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import EvidenceKind, Stance


class EvidenceDraft(Draft):
    """A document, statement or search log about obligations of one agreement, or their deadlines.

    A search log records a search that found nothing; `published_on` is the day of the search.
    """

    ref: Ref
    title: LongTitle
    kind: EvidenceKind
    url: Url = ""
    quote: Text = ""
    published_on: CivilDay | None = None
    asserted_by: PartyCode | None = None
    stance: Stance
    obligations: Refs = ()
    deadlines: Annotated[tuple[RowId, ...], AtMost(1_000), AfterValidator(all_different)] = ()
