"""Determinations: what the desk itself concludes of deadlines, with reasons. Append-only."""

from __future__ import annotations

from typing import Annotated

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.deadlines.proposals import ProposalRow, proposed
from compliance.api.openapi import asked, paged
from compliance.api.views import (
    Views,
    body,
    created,
    deadline_of,
    found,
    nothing_asked,
    page_response,
    question,
    user_of,
)
from compliance.domain.deadlines.drafts import DayOrInstant, FactDraft
from compliance.domain.drafts import read
from compliance.domain.fields import Quantity, Ref, Share, Text
from compliance.domain.vocabulary import Conclusion, FactKind
from compliance.models import Fact, Proposal
from compliance.operations.deadlines import proposals as operations
from compliance.queries.deadlines import determinations as queries
from compliance.queries.filters import Id


class NewDetermination(DayOrInstant):
    """What the desk concludes of a deadline, and in `note` the reasons. What was partly met has
    the `quantity` or the `share` that is accepted in all. It says how things stood on a day
    (`on`) or at an instant (`at`): what was met, that it was met then; else what is accepted of
    all that was performed by then. By its day alone it counts from the start of that day."""

    deadline: Id
    verdict: Conclusion
    share: Share | None = None
    quantity: Quantity | None = None
    note: Annotated[Text, Field(min_length=1)]
    evidence: tuple[Ref, ...] = ()
    supersedes: Id | None = None


class DeterminationRow(serializers.Serializer[Fact]):
    """A determination. It stays when it is superseded: `superseded_by` names the fact, another
    determination or a retraction, because of which it counts no more."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    verdict = serializers.ChoiceField(choices=list(Conclusion))
    share = serializers.FloatField(
        allow_null=True, help_text="How much of the whole is accepted, if it was partly met."
    )
    quantity = serializers.FloatField(
        allow_null=True, help_text="How much is accepted in all, if it was partly met."
    )
    on = serializers.DateField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    effective_at = serializers.DateTimeField()
    note = serializers.CharField(help_text="The reasons.")
    evidence = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(
        allow_null=True, help_text="The second person, where one was needed."
    )
    is_superseded = serializers.BooleanField()
    superseded_by = serializers.IntegerField(allow_null=True)


class DeterminationViews(Views):
    """What the desk itself concludes of deadlines: met, partly met, not met, or that it cannot be
    determined. Each is a fact of the type determination."""

    rights = (Fact,)

    @extend_schema(
        parameters=asked(queries.DeterminationListing), responses=paged(DeterminationRow)
    )
    def list(self, request: Request) -> Response:
        """List determinations in the order in which they were recorded."""
        return page_response(
            request, queries.listed(question(request, queries.DeterminationListing))
        )

    @extend_schema(request=NewDetermination, responses={201: DeterminationRow, 202: ProposalRow})
    def create(self, request: Request) -> Response:
        """Record what the desk concludes of a deadline; the status follows at once. Where the
        agreement needs a second person it is proposed (202), and counts once approved."""
        sent = body(request, NewDetermination)
        fields = sent.model_dump(exclude={"deadline"})
        stored = operations.submit(
            deadline=deadline_of(sent.deadline),
            draft=read(FactDraft, {"type": FactKind.DETERMINATION, **fields}),
            by=user_of(request),
            as_of=timezone.now(),
        )
        if isinstance(stored, Proposal):
            return proposed(request, stored)
        return created(request, queries.row(stored.pk), "id")

    @extend_schema(responses=DeterminationRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one determination."""
        nothing_asked(request)
        return found(queries.row(id))
