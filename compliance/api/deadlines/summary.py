"""Counts of deadlines by group and status."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import filter_parameters
from compliance.api.views import Views, read_filter
from compliance.models import Deadline
from compliance.queries.deadlines import summary as queries


class GroupRow(serializers.Serializer[Any]):
    """A group, its number of deadlines, and the number per status."""

    group = serializers.CharField(
        allow_null=True, help_text="Null when grouped by month, for deadlines without a due date."
    )
    count = serializers.IntegerField()
    statuses = serializers.DictField(child=serializers.IntegerField())


class SummaryAnswer(serializers.Serializer[Any]):
    """The groups, by name."""

    group_by = serializers.ChoiceField(choices=list(queries.Grouping))
    results = GroupRow(many=True)


class SummaryViews(Views):
    """Counts for dashboards."""

    permission_models = (Deadline,)

    @extend_schema(
        operation_id="summary",
        parameters=filter_parameters(queries.SummaryFilter),
        responses=SummaryAnswer,
    )
    def retrieve(self, request: Request) -> Response:
        """Count deadlines by group and status.

        A deadline with two obligors or two tags counts in both groups.
        """
        now = timezone.now()
        asked_for = read_filter(request, queries.SummaryFilter).pinned(now)
        found = queries.summary(asked_for, now=now, reader=self.reader)
        return Response({"group_by": asked_for.group_by, "results": found})
