"""Measures of deadlines by group."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from compliance.api.lists import aggregate_response, field_names
from compliance.api.openapi_lists import formats_of, table_parameters
from compliance.api.views import Views, read_filter
from compliance.models import Deadline
from compliance.queries.deadlines import summary as queries
from compliance.queries.deadlines.groupings import Grouping
from compliance.queries.deadlines.measures import Measure


class MeasuresRow(serializers.Serializer[Any]):
    """The measures that were asked for. The glossary defines them."""

    count = serializers.IntegerField(required=False)
    statuses = serializers.DictField(
        child=serializers.IntegerField(), required=False, help_text="The number per status."
    )
    compliance_rate = serializers.FloatField(
        required=False, allow_null=True, help_text="Of those that are due: the share that is kept."
    )
    met_on_time_rate = serializers.FloatField(
        required=False, allow_null=True, help_text="Of those that are due: the share met on time."
    )
    open = serializers.IntegerField(
        required=False, help_text="Unmet or partly met, and not closed."
    )
    median_days_late = serializers.FloatField(required=False, allow_null=True)
    p90_days_late = serializers.FloatField(
        required=False, allow_null=True, help_text="Nine of ten were less late, or as late."
    )
    median_days_to_cure = serializers.FloatField(required=False, allow_null=True)
    oldest_open_days = serializers.IntegerField(required=False, allow_null=True)


class GroupRow(MeasuresRow):
    """A group and its measures."""

    group = serializers.CharField(
        allow_null=True,
        help_text="Null: without a due date, or nobody is responsible.",
    )
    subgroup = serializers.CharField(
        required=False, allow_null=True, help_text="The group in the second grouping."
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields: first the groups, then the measures."""
        fields = super().get_fields()
        return {"group": fields.pop("group"), "subgroup": fields.pop("subgroup"), **fields}


class SummaryAnswer(serializers.Serializer[Any]):
    """The groups, by name unless `order_by` says otherwise."""

    group_by = serializers.ListField(child=serializers.ChoiceField(choices=list(Grouping)))
    measures = serializers.ListField(child=serializers.ChoiceField(choices=list(Measure)))
    total = serializers.IntegerField(help_text="The number of groups without `limit`.")
    results = GroupRow(many=True)


class SummaryViews(Views):
    """Measures for dashboards."""

    permission_models = (Deadline,)
    exported = frozenset({"retrieve"})

    @extend_schema(
        operation_id="summary",
        parameters=table_parameters(queries.SummaryFilter, field_names(GroupRow)),
        responses=formats_of(SummaryAnswer),
    )
    def retrieve(self, request: Request) -> HttpResponseBase:
        """Measure deadlines by one or two groupings, now or at another time.

        A deadline with two obligors or two tags counts in both groups. Two groupings that multiply
        to more than a million rows, and four per deadline, are refused with 400, and so is what
        the database needs more than 15 seconds for: filter, or group by one thing.
        """
        now = timezone.now()
        asked_for = read_filter(request, queries.SummaryFilter).pinned(now)
        found = queries.summary(asked_for, now=now, reader=self.reader)
        answer = {"group_by": asked_for.group_by, "measures": asked_for.measures}
        groups = ("group", "subgroup")[: len(asked_for.group_by)]
        return aggregate_response(
            request,
            asked_for,
            {**answer, "total": found.total, "results": found.rows},
            names=(*groups, *(each.value for each in asked_for.measures)),
        )
