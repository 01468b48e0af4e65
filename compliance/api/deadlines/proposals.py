"""Proposals: facts that count only when a second person approves them."""

from __future__ import annotations

from http import HTTPStatus

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import (
    Views,
    body,
    found,
    nothing_asked,
    page_response,
    question,
    user_of,
)
from compliance.domain.drafts import Draft
from compliance.domain.fields import Text
from compliance.domain.vocabulary import FactKind, ProposalState
from compliance.models import Proposal
from compliance.operations.deadlines import proposals as operations
from compliance.queries.deadlines import proposals as queries


class Approval(Draft):
    """Nothing more is said than that one approves."""


class Rejection(Draft):
    """Why something is turned down. Whoever withdraws their own proposal need not say."""

    reason: Text = ""


class ProposalRow(serializers.Serializer[Proposal]):
    """A proposal. Its `draft` is the fact in the shape in which facts are sent; once approved,
    `fact` is the one that was recorded."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    type = serializers.ChoiceField(choices=list(FactKind))
    draft = serializers.DictField()
    state = serializers.ChoiceField(choices=list(ProposalState))
    proposed_at = serializers.DateTimeField()
    proposed_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True, help_text="Why it was turned down.")
    fact = serializers.IntegerField(allow_null=True)


class ProposalViews(Views):
    """Determinations, waivers and extensions that wait for a second person, or did so."""

    rights = (Proposal,)

    @extend_schema(parameters=asked(queries.ProposalListing), responses=paged(ProposalRow))
    def list(self, request: Request) -> Response:
        """List proposals, the newest first."""
        return page_response(request, queries.listed(question(request, queries.ProposalListing)))

    @extend_schema(responses=ProposalRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one proposal."""
        nothing_asked(request)
        return found(queries.row(id))


class DecisionViews(Views):
    """What a second person decides on a proposal, or the first one takes back."""

    # The operations ask for the right: whose proposal it is matters too.
    rights = ()

    @extend_schema(request=Approval, responses={200: ProposalRow})
    def approve(self, request: Request, id: int) -> Response:
        """Approve what another person proposed: the fact is recorded, statuses follow at once."""
        body(request, Approval)
        proposal = get_object_or_404(Proposal, pk=id)
        try:
            operations.approve(proposal=proposal, by=user_of(request), as_of=timezone.now())
        except operations.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        return found(queries.row(id))

    @extend_schema(request=Rejection, responses={200: ProposalRow})
    def reject(self, request: Request, id: int) -> Response:
        """Turn down what another person proposed, with a reason, or withdraw what you proposed."""
        rejection = body(request, Rejection)
        proposal = get_object_or_404(Proposal, pk=id)
        try:
            operations.reject(
                proposal=proposal,
                reason=rejection.reason,
                by=user_of(request),
                as_of=timezone.now(),
            )
        except operations.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        return found(queries.row(id))


def proposed(request: Request, proposal: Proposal) -> Response:
    """The row of a fact that waits for a second person now, and where it is to be found."""
    response = found(queries.row(proposal.pk))
    response.status_code = HTTPStatus.ACCEPTED
    address = reverse("api:proposals-row", kwargs={"id": proposal.pk})
    response["Location"] = request.build_absolute_uri(address)
    return response
