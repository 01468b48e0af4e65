"""Obligations: the duties in agreements."""

from __future__ import annotations

from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, changes_of, paged
from compliance.api.views import (
    Views,
    body,
    corrected,
    created,
    found,
    nothing_asked,
    page_response,
    question,
)
from compliance.domain.drafts import AgreementRef, ObligationDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import ObligationKind, RollUp, Severity
from compliance.models import Agreement, Obligation
from compliance.operations import obligations as operations
from compliance.queries import obligations as queries


class NewObligation(ObligationDraft):
    """An obligation, and the agreement that it is in."""

    agreement: AgreementRef


class ObligationRow(serializers.Serializer[Obligation]):
    """An obligation."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    clause = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=list(ObligationKind))
    obligors = serializers.ListField(child=serializers.CharField())
    obligees = serializers.ListField(child=serializers.CharField())
    due = serializers.DictField(allow_null=True, help_text="The due rule.")
    grace = serializers.DictField(allow_null=True)
    starts = serializers.DictField(
        allow_null=True, help_text="The rule of when the period to maintain or refrain begins."
    )
    is_surviving = serializers.BooleanField(
        help_text="Suspension and termination of the agreement do not reach it."
    )
    severity = serializers.ChoiceField(choices=list(Severity))
    tags = serializers.ListField(child=serializers.CharField())
    owner = serializers.CharField(allow_null=True)
    parent = serializers.CharField(  # type: ignore[assignment]  # the metaclass takes it out
        allow_null=True, help_text="The ref of the parent obligation."
    )
    roll_up = serializers.ChoiceField(
        choices=list(RollUp), help_text="How many of its components must be done."
    )
    roll_up_share = serializers.FloatField(allow_null=True)
    target_quantity = serializers.FloatField(allow_null=True)
    unit = serializers.CharField(allow_blank=True)


class ObligationViews(Views):
    """The duties in agreements, and who stands on which side of them."""

    rights = (Obligation,)

    @extend_schema(parameters=asked(queries.ObligationListing), responses=paged(ObligationRow))
    def list(self, request: Request) -> Response:
        """List obligations in the order in which they were stored."""
        return page_response(request, queries.listed(question(request, queries.ObligationListing)))

    @extend_schema(request=NewObligation, responses={201: ObligationRow})
    def create(self, request: Request) -> Response:
        """Store an obligation, and the deadlines that its due rule makes."""
        draft = body(request, NewObligation)
        agreement = Agreement.objects.filter(ref=draft.agreement).first()
        if agreement is None:
            raise refusal("agreement", f"There is no agreement {draft.agreement}.")
        obligation = operations.create(agreement=agreement, draft=draft, as_of=timezone.now())
        return created(request, queries.row(obligation.pk), "id")

    @extend_schema(responses=ObligationRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one obligation."""
        nothing_asked(request)
        return found(queries.row(id))

    @extend_schema(request=changes_of(ObligationDraft), responses=ObligationRow)
    def partial_update(self, request: Request, id: int) -> Response:
        """Correct an obligation. A corrected due rule moves its deadlines, through the ledger; for
        a change that the parties agreed on, record an extension."""
        with transaction.atomic():
            obligation = get_object_or_404(Obligation, pk=id)
            # Locked in the order of the operations: the agreement before what is in it.
            Agreement.objects.select_for_update().get(pk=obligation.agreement_id)
            draft = corrected(request, ObligationDraft, queries.row(id))
            operations.update(obligation=obligation, draft=draft, as_of=timezone.now())
        return found(queries.row(id))
