"""What-if: the timeline of a deadline if further facts were recorded. Stores nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.deadlines.deadlines import TimelineAnswer, TransitionRow
from compliance.api.views import Views, read_body, visible_or_404
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import Draft
from compliance.domain.limits import AtMost
from compliance.domain.vocabulary import Precision
from compliance.models import Deadline
from compliance.operations.deadlines.facts import HYPOTHETICAL, project_with
from compliance.queries.deadlines.timeline_precisions import FactDates, precisions_of
from compliance.queries.deadlines.timelines import transition_rows
from compliance.queries.rows import Row

MOST_FACTS = 100


class Supposition(Draft):
    """Facts to assume, in order of recording, in the format of `facts/`."""

    facts: Annotated[tuple[FactDraft, ...], Field(min_length=1), AtMost(MOST_FACTS)]


class SupposedTransitionRow(TransitionRow):
    """One transition of the assumed timeline."""

    supposed = serializers.IntegerField(
        allow_null=True, help_text="The index, from 0, of the assumed fact that causes it."
    )


class WhatIfAnswer(TimelineAnswer):
    """The whole assumed timeline of the deadline, past and projected."""

    results = SupposedTransitionRow(many=True)


class WhatIfViews(Views):
    """What-if projections."""

    permission_models = (Deadline,)
    stores_nothing = True

    @extend_schema(
        operation_id="deadlines_what_if", request=Supposition, responses={200: WhatIfAnswer}
    )
    def create(self, request: Request, id: int) -> Response:
        """Project the timeline of a deadline as if these facts were recorded too.

        Nothing is stored and nobody is notified. Input is validated in the same way as when
        recording.
        """
        deadline = visible_or_404(
            self.reader, Deadline.objects.select_related("obligation__agreement"), pk=id
        )
        now = timezone.now()
        drafts = read_body(request, Supposition).facts
        supposed = project_with(deadline=deadline, drafts=drafts, as_of=now)
        rows = transition_rows(supposed, now=now)
        precisions_of(deadline, supposed=_dates(drafts, rows)).add_to(rows)
        results = [_row(each) for each in rows]
        return Response({"deadline": id, "as_of": now, "known_at": now, "results": results})


def _dates(drafts: Sequence[FactDraft], rows: Sequence[Row]) -> dict[int, FactDates]:
    """Return how precisely the dates of assumed facts are given, by the ids in the timeline."""
    caused = {each["fact"]: each for each in reversed(rows)}
    return {
        pk: FactDates(
            effective_at=caused[pk]["effective_at"],
            precision=None if draft.on is None else draft.precision,
            due_at=caused[pk]["due_at"] if draft.due is not None else None,
            due_precision=getattr(draft.due, "precision", Precision.DAY),
        )
        for pk, draft in enumerate(drafts, start=HYPOTHETICAL)
        if pk in caused
    }


def _row(transition: Row) -> Row:
    cause = transition["fact"]
    if cause is None or cause < HYPOTHETICAL:
        return {**transition, "supposed": None}
    return {**transition, "fact": None, "supposed": cause - HYPOTHETICAL}
