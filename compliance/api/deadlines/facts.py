"""Facts about deadlines and agreements. Append-only."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi import either
from compliance.api.openapi_lists import list_schema
from compliance.api.proposed import ProposedRow, proposed
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    agreement_of,
    body_fields,
    created_response,
    deadline_of,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
)
from compliance.domain.deadlines.drafts import AgreementFactDraft, FactDraft
from compliance.domain.fields import AgreementRef, Flag, RowId
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind, Precision, Verdict
from compliance.models import Fact, Proposal
from compliance.operations.agreements import proposals
from compliance.operations.deadlines import effects
from compliance.operations.deadlines import facts as operations
from compliance.queries.deadlines import facts as queries


class NewFact(FactDraft):
    """A fact and its deadline. `confirm` confirms that it may make the deadline worse."""

    deadline: RowId
    confirm: Flag = False


class NewAgreementFact(AgreementFactDraft):
    """A fact about a whole agreement.

    It applies to every open deadline of the agreement, except those of obligations that survive
    termination.
    """

    agreement: AgreementRef


class FactRow(serializers.Serializer[Fact]):
    """A fact. It has a day (`on`) or an instant (`at`), and takes effect at `effective_at`.

    A fact that lasts ends with a day (`until_on`) or before an instant (`until_at`), or is
    open-ended. A fact about a whole agreement has no `deadline`.
    """

    id = serializers.IntegerField()
    deadline = serializers.IntegerField(allow_null=True)
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(choices=list(FactKind))
    on = serializers.CharField(allow_null=True, help_text="A day, month, quarter or year.")
    precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    effective_at = serializers.DateTimeField()
    until_on = serializers.CharField(allow_null=True)
    until_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    until_at = serializers.DateTimeField(allow_null=True)
    is_tolling = serializers.BooleanField(
        help_text="Whether a suspension moves the due date by its length."
    )
    quantity = QuantityField(allow_null=True)
    verdict = serializers.ChoiceField(
        choices=list(Verdict), allow_null=True, help_text="The verdict of a determination."
    )
    share = QuantityField(
        allow_null=True, help_text="The share of the whole that a determination accepts."
    )
    is_final = serializers.BooleanField(
        help_text="Whether a determination closes a deadline that is unmet."
    )
    due = serializers.DictField(
        allow_null=True,
        help_text="The due rule of an extension. Null if it postpones without a date.",
    )
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="The due date of an extension or trigger when it was recorded."
    )
    successor = serializers.CharField(
        allow_null=True, help_text="The obligation that a replacement puts in its place."
    )
    successor_agreement = serializers.CharField(
        allow_null=True, help_text="The agreement of the successor."
    )
    note = serializers.CharField(allow_blank=True)
    evidence = serializers.ListField(child=serializers.CharField())
    supersedes = serializers.IntegerField(allow_null=True)
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)
    approved_by = serializers.CharField(
        allow_null=True, help_text="The person who approved it, if approval was required."
    )


class SavedFactRow(FactRow):
    """A fact that was just recorded."""

    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="What it does not change, and why."
    )


class FactViews(Views):
    """Facts about deadlines and whole agreements. A later fact can supersede an earlier one."""

    permission_models = (Fact,)

    @extend_schema(**list_schema(queries.FactListing, FactRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List facts in the order of recording."""
        listing = read_filter(request, queries.FactListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=FactRow)

    @extend_schema(
        request=either("AnyNewFact", NewFact, NewAgreementFact),
        responses={201: SavedFactRow, 202: ProposedRow},
    )
    def create(self, request: Request) -> Response:
        """Record a fact about a deadline or a whole agreement. Statuses follow immediately.

        If the agreement requires approval for it, this creates a proposal (202), which takes
        effect once approved. An extension to an earlier date, and any other fact that is meant to
        help but makes the deadline worse, needs `"confirm": true`. `warnings` say what a fact does
        not change, and why.
        """
        by, as_of = user_of(request), timezone.now()
        fact: Fact | Proposal
        if _is_of_agreement(request):
            general = read_body(request, NewAgreementFact)
            agreement = agreement_of(general.agreement, reader=self.reader)
            fact = operations.record_of_agreement(
                agreement=agreement, draft=general, by=by, as_of=as_of
            )
        else:
            draft = read_body(request, NewFact)
            deadline = deadline_of(draft.deadline, reader=self.reader)
            fact = proposals.submit(
                deadline=deadline, draft=draft, by=by, as_of=as_of, is_confirmed=draft.confirm
            )
        if isinstance(fact, Proposal):
            return proposed(request, fact, reader=self.reader)
        return created_response(
            request,
            queries.row(fact.pk, reader=self.reader),
            "id",
            warnings=effects.warnings_about(fact),
        )

    @extend_schema(responses=FactRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one fact."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))


def _is_of_agreement(request: Request) -> bool:
    names = body_fields(request).keys() & {"deadline", "agreement"}
    if len(names) == 2:
        sentence = "Give either deadline or agreement, not both."
        raise refusal("agreement", sentence)
    return "agreement" in names
