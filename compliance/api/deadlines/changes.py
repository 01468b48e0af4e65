"""The change feed: the ledger in the order of recording."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema, serializer_of
from compliance.api.quantities import QuantityField
from compliance.api.views import Views, read_filter
from compliance.domain.vocabulary import FactKind, Status, Verdict, Verification
from compliance.models import LedgerEntry
from compliance.queries.deadlines import changes as queries
from compliance.queries.deadlines import comparison

ChangeRow = serializer_of(queries.ROW)


class StateRow(serializers.Serializer[Any]):
    """The state of a deadline at one instant."""

    status = serializers.ChoiceField(choices=list(Status))
    due_on = serializers.DateField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    performed = QuantityField(allow_null=True)
    target = QuantityField(allow_null=True)
    measured = QuantityField(allow_null=True)
    accepted_share = QuantityField(
        allow_null=True, help_text="The share of the whole that is accepted, if there is no target."
    )
    is_disputed = serializers.BooleanField()
    verification = serializers.ChoiceField(choices=list(Verification))


class RecordedFactRow(serializers.Serializer[Any]):
    """A fact that was recorded."""

    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=list(FactKind))


class RecordedPositionRow(serializers.Serializer[Any]):
    """A position that was recorded."""

    id = serializers.IntegerField()
    party = serializers.CharField()
    verdict = serializers.ChoiceField(choices=list(Verdict))


class ComparedRow(serializers.Serializer[Any]):
    """The state of a deadline at two instants, as known at each, and the records in between.

    `before` is null if the deadline was not known yet.
    """

    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    title = serializers.CharField()
    before = StateRow(allow_null=True)
    after = StateRow()
    facts = RecordedFactRow(many=True)
    positions = RecordedPositionRow(many=True)


class ComparisonViews(Views):
    """Comparison of two instants."""

    permission_models = (LedgerEntry,)

    @extend_schema(
        operation_id="changes_between", **list_schema(comparison.Comparison, ComparedRow)
    )
    def list(self, request: Request) -> HttpResponseBase:
        """List the deadlines whose state differs between `since` and `until`, each as known then,
        and those about which something was recorded in between."""
        asked_for = read_filter(request, comparison.Comparison).pinned(timezone.now())
        since, until = asked_for.instants
        return list_response(
            request,
            asked_for,
            partial(comparison.changed, reader=self.reader),
            row=ComparedRow,
            since=since,
            until=until,
        )


class ChangeViews(Views):
    """Every change of status, in the order of recording."""

    permission_models = (LedgerEntry,)

    @extend_schema(**list_schema(queries.ChangeListing, ChangeRow, is_endless=True))
    def list(self, request: Request) -> HttpResponseBase:
        """Read the feed, oldest change first.

        `next` is always present. Request it later to continue without missing a change.
        """
        listing = read_filter(request, queries.ChangeListing)
        read = partial(queries.listed, reader=self.reader)
        export = partial(queries.exported, reader=self.reader)
        return list_response(request, listing, read, row=ChangeRow, export=export)
