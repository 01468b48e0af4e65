"""Parties: states, organisations and companies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi import changes_of
from compliance.api.openapi_lists import list_schema
from compliance.api.proposed import ProposedRow
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    updated_draft,
    user_of,
)
from compliance.domain.agreements.drafts import MergeDraft, PartyDraft, ReasonDraft
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import PartyKind
from compliance.models import Party
from compliance.models.locks import for_update
from compliance.operations.agreements import parties as operations
from compliance.operations.agreements import party_merges
from compliance.operations.agreements.merge_rights import check_may_merge
from compliance.queries.agreements import parties as queries


class PartyRow(serializers.Serializer[Party]):
    """A party."""

    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(PartyKind))
    country = serializers.CharField(allow_null=True)
    timezone = serializers.CharField()
    retired_at = serializers.DateTimeField(allow_null=True)
    merged_into = serializers.CharField(
        allow_null=True, help_text="The code of the party that took over from this duplicate."
    )
    retire_reason = serializers.CharField(allow_null=True)


class MergeEffectRow(serializers.Serializer[Any]):
    """How many rows a merge moves. `conflicts` name obligations that prevent it."""

    agreements = serializers.IntegerField()
    shared_agreements = serializers.IntegerField()
    obligations = serializers.IntegerField()
    positions = serializers.IntegerField()
    evidence = serializers.IntegerField()
    subscriptions = serializers.IntegerField()
    conflicts = serializers.ListField(child=serializers.CharField())


class PartyViews(Views):
    """States, organisations and companies that can owe or be owed an obligation."""

    permission_models = (Party,)

    @extend_schema(**list_schema(queries.PartyListing, PartyRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List parties by code."""
        listing = read_filter(request, queries.PartyListing)
        return list_response(request, listing, queries.listed, row=PartyRow)

    @extend_schema(request=PartyDraft, responses={201: PartyRow})
    def create(self, request: Request) -> Response:
        """Create a party."""
        party = operations.create(draft=read_body(request, PartyDraft))
        return created_response(request, queries.row(party.code), "code")

    @extend_schema(responses=PartyRow)
    def retrieve(self, request: Request, code: str) -> Response:
        """Show one party."""
        reject_query_parameters(request)
        return row_response(queries.row(code))

    @extend_schema(request=changes_of(PartyDraft), responses={200: PartyRow, 202: ProposedRow})
    def partial_update(self, request: Request, code: str) -> Response:
        """Correct a party. Deadlines that depend on its time zone move.

        If one of them, of an agreement that requires approval, would be due later, this creates a
        proposal (202).
        """
        with transaction.atomic():
            party = get_object_or_404(for_update(Party.objects.all()), code=code)
            draft = updated_draft(request, PartyDraft, queries.row(code))
            operations.update(party=party, draft=draft, as_of=timezone.now())
        return row_response(queries.row(code))


class RetirementViews(Views):
    """Parties that are no longer offered, and duplicates that are merged into others."""

    permission_models = (Party,)
    post_verb = "change"

    @extend_schema(request=ReasonDraft, responses=PartyRow)
    def retire(self, request: Request, code: str) -> Response:
        """Stop offering a party for new entries. Existing entries keep it."""
        party = get_object_or_404(Party, code=code)
        reason = read_body(request, ReasonDraft).reason
        party_merges.retire(party=party, reason=reason, by=user_of(request), as_of=timezone.now())
        return row_response(queries.row(code))

    @extend_schema(request=ReasonDraft, responses=PartyRow)
    def restore(self, request: Request, code: str) -> Response:
        """Offer a retired party again."""
        party = get_object_or_404(Party, code=code)
        reason = read_body(request, ReasonDraft).reason
        party_merges.restore(party=party, reason=reason, by=user_of(request))
        return row_response(queries.row(code))

    @extend_schema(request=MergeDraft, responses={200: MergeEffectRow, 202: ProposedRow})
    def merge(self, request: Request, code: str) -> Response:
        """Move everything from a duplicate to another party, and retire the duplicate.

        With `dry_run`, nothing changes, and the response shows what would. If an agreement that
        requires approval has the duplicate as a party, this creates a proposal (202). Only
        administrators merge parties, because they see every agreement of both.
        """
        check_may_merge()
        duplicate = get_object_or_404(Party, code=code)
        draft = read_body(request, MergeDraft)
        into = Party.objects.filter(code=draft.into).first()
        if into is None:
            raise refusal("into", f"Party {draft.into} does not exist.")
        if draft.dry_run:
            effect = party_merges.merge_effect(duplicate=duplicate, into=into)
        else:
            effect = party_merges.merge(
                duplicate=duplicate,
                into=into,
                reason=draft.reason,
                by=user_of(request),
                as_of=timezone.now(),
            )
        return Response(asdict(effect))
