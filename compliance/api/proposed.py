"""The response to a change that became a proposal, and the rows of proposals."""

from __future__ import annotations

from http import HTTPStatus

from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.domain.vocabulary import FactKind, ProposalState, ProposedChange
from compliance.models import Proposal
from compliance.models.people.readers import Reader
from compliance.operations.deadlines import effects
from compliance.queries.deadlines import proposals as queries


class ProposalRow(serializers.Serializer[Proposal]):
    """A proposal. `draft` has the format of its `change`; a `fact` is recorded on approval.

    Lists omit the `document` of an import.
    """

    id = serializers.IntegerField()
    change = serializers.ChoiceField(choices=list(ProposedChange))
    deadline = serializers.IntegerField(allow_null=True)
    agreement = serializers.CharField(
        allow_null=True, help_text="Null for a change of a party or a calendar, or after a purge."
    )
    obligation_ref = serializers.CharField(allow_null=True)
    type = serializers.ChoiceField(
        choices=list(FactKind), allow_null=True, help_text="The kind of the proposed fact."
    )
    draft = serializers.DictField()
    effect = serializers.CharField(
        allow_blank=True, help_text="What it would have changed when it was proposed."
    )
    state = serializers.ChoiceField(choices=list(ProposalState))
    proposed_at = serializers.DateTimeField()
    proposed_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    decided_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_blank=True, help_text="Why it was rejected.")
    fact = serializers.IntegerField(allow_null=True)


class ProposedRow(ProposalRow):
    """A proposal that was just made, or approved."""

    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text="What its fact does not change, or would not change now, and why.",
    )


def proposed(request: Request, proposal: Proposal, *, reader: Reader) -> Response:
    """Return the response (202) for a change that now waits for approval, with its location."""
    row = queries.row(proposal.pk, reader=reader)
    assert row is not None
    warnings = effects.warnings_of_proposal(proposal)
    response = Response({**row, "warnings": warnings}, status=HTTPStatus.ACCEPTED)
    address = reverse("api:proposals-row", kwargs={"id": proposal.pk})
    response["Location"] = request.build_absolute_uri(address)
    return response
