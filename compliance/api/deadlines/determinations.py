"""Determinations: findings about deadlines, with reasons. Append-only."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.proposed import ProposedRow, proposed
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    created_response,
    deadline_of,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
)
from compliance.domain.deadlines.drafts import DayOrInstant, FactDraft
from compliance.domain.drafts import read
from compliance.domain.fields import Flag, Quantity, Refs, RowId, Share, Text
from compliance.domain.vocabulary import FactKind, Precision, Verdict
from compliance.models import Fact, Proposal
from compliance.operations.agreements import proposals as operations
from compliance.operations.deadlines import effects
from compliance.queries.deadlines import determinations as queries


class NewDetermination(DayOrInstant):
    """A finding about a deadline, with the reasons in `note`.

    It applies on a day (`on`, from the start of that day) or at an instant (`at`). `met` means
    met at that time. `partly_met` may give the total `quantity` or `share` accepted of everything
    performed by then. If it `is_final`, it closes a deadline that is unmet.
    """

    deadline: RowId
    verdict: Verdict
    share: Share | None = None
    quantity: Quantity | None = None
    is_final: Flag = False
    note: Annotated[Text, Field(min_length=1)]
    evidence: Refs = ()
    supersedes: RowId | None = None


class DeterminationRow(serializers.Serializer[Fact]):
    """A determination. If it no longer counts, `superseded_by` names the fact that replaced or
    retracted it."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    verdict = serializers.ChoiceField(choices=list(Verdict))
    share = QuantityField(
        allow_null=True, help_text="The share of the whole that is accepted, if partly met."
    )
    quantity = QuantityField(
        allow_null=True, help_text="The total quantity accepted, if partly met."
    )
    is_final = serializers.BooleanField(help_text="Whether it closes a deadline that is unmet.")
    on = serializers.CharField(allow_null=True, help_text="A day, month, quarter or year.")
    precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    effective_at = serializers.DateTimeField()
    note = serializers.CharField(help_text="The reasons.")
    evidence = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(
        allow_null=True, help_text="The person who approved it, if approval was required."
    )
    is_superseded = serializers.BooleanField()
    superseded_by = serializers.IntegerField(allow_null=True)


class RecordedDeterminationRow(DeterminationRow):
    """A determination that was just recorded."""

    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="What it does not change, and why."
    )


class DeterminationViews(Views):
    """Findings about deadlines: met, partly met, not met or undetermined.

    Each is a fact of type `determination`.
    """

    permission_models = (Fact,)

    @extend_schema(**list_schema(queries.DeterminationListing, DeterminationRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List determinations in the order of recording."""
        listing = read_filter(request, queries.DeterminationListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=DeterminationRow)

    @extend_schema(
        request=NewDetermination, responses={201: RecordedDeterminationRow, 202: ProposedRow}
    )
    def create(self, request: Request) -> Response:
        """Record a determination. The status follows immediately.

        If the agreement requires approval, this creates a proposal (202), which takes effect
        once approved.
        """
        sent = read_body(request, NewDetermination)
        fields = sent.model_dump(exclude={"deadline"})
        stored = operations.submit(
            deadline=deadline_of(sent.deadline, reader=self.reader),
            draft=read(FactDraft, {"type": FactKind.DETERMINATION, **fields}),
            by=user_of(request),
            as_of=timezone.now(),
        )
        if isinstance(stored, Proposal):
            return proposed(request, stored, reader=self.reader)
        return created_response(
            request,
            queries.row(stored.pk, reader=self.reader),
            "id",
            warnings=effects.warnings_about(stored),
        )

    @extend_schema(responses=DeterminationRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one determination."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))
