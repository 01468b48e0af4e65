"""What-if: the timeline of a deadline if further facts were recorded. Stores nothing."""

from __future__ import annotations

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
from compliance.models import Deadline
from compliance.operations.deadlines.facts import HYPOTHETICAL, project_with
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
        supposed = project_with(
            deadline=deadline, drafts=read_body(request, Supposition).facts, as_of=now
        )
        rows = [_row(each) for each in transition_rows(supposed, now=now)]
        return Response({"deadline": id, "as_of": now, "known_at": now, "results": rows})


def _row(transition: Row) -> Row:
    cause = transition["fact"]
    if cause is None or cause < HYPOTHETICAL:
        return {**transition, "supposed": None}
    return {**transition, "fact": None, "supposed": cause - HYPOTHETICAL}
