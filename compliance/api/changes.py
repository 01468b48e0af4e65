"""The ledger as a feed."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import Views, page_response, question
from compliance.domain.vocabulary import Reason, Status
from compliance.models import LedgerEntry
from compliance.queries import changes as queries
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


class ChangeViews(Views):
    """Every change of status, in the order in which it was recorded."""

    rights = (LedgerEntry,)

    @extend_schema(parameters=asked(Listing), responses=paged(ChangeRow, is_endless=True))
    def list(self, request: Request) -> Response:
        """Read the feed, the oldest change first. Keep `next`, and ask there for what came since:
        it is always given, and none is passed over."""
        return page_response(request, queries.listed(question(request, Listing)))
