"""The ledger as a feed."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import Views, page_response, question
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict, Verification
from compliance.models import LedgerEntry
from compliance.queries.deadlines import changes as queries
from compliance.queries.deadlines import comparison
from compliance.queries.pages import Listing


class ChangeRow(serializers.Serializer[LedgerEntry]):
    """From `effective_at` on the deadline had `status`, as known from `recorded_at` on."""

    id = serializers.IntegerField()
    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    effective_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    unmet_at = serializers.DateTimeField(allow_null=True)


class StateRow(serializers.Serializer[Any]):
    """How a deadline stood."""

    status = serializers.ChoiceField(choices=list(Status))
    due_on = serializers.DateField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    performed = serializers.FloatField(allow_null=True)
    target = serializers.FloatField(allow_null=True)
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
    """How a deadline stood at the one instant and at the other, as known then, and what was
    recorded of it in between. `before` is null if nothing was known of it yet."""

    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    title = serializers.CharField()
    before = StateRow(allow_null=True)
    after = StateRow()
    facts = RecordedFactRow(many=True)
    positions = RecordedPositionRow(many=True)


class ComparisonViews(Views):
    """What changed between two instants."""

    rights = (LedgerEntry,)

    @extend_schema(
        operation_id="changes_between",
        parameters=asked(comparison.Comparison),
        responses=paged(ComparedRow),
    )
    def list(self, request: Request) -> Response:
        """List the deadlines that stood otherwise at `until` than at `since`, each as it was known
        then, or of which something was recorded in between."""
        asked_for = question(request, comparison.Comparison).pinned(timezone.now())
        page = comparison.changed(asked_for)
        since, until = asked_for.instants
        return page_response(request, page, since=since, until=until)


class ChangeViews(Views):
    """Every change of status, in the order in which it was recorded."""

    rights = (LedgerEntry,)

    @extend_schema(parameters=asked(Listing), responses=paged(ChangeRow, is_endless=True))
    def list(self, request: Request) -> Response:
        """Read the feed, the oldest change first. Keep `next`, and ask there for what came since:
        it is always given, and none is passed over."""
        return page_response(request, queries.listed(question(request, Listing)))
