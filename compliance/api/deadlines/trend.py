"""Measures of deadlines over time."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from compliance.api.deadlines.summary import MeasuresRow
from compliance.api.lists import aggregate_response, field_names
from compliance.api.openapi_lists import formats_of, table_parameters
from compliance.api.views import Views, read_filter
from compliance.domain.intervals import Interval
from compliance.models import LedgerEntry
from compliance.queries.deadlines import trend as queries
from compliance.queries.deadlines.measures import Measure


class PointRow(MeasuresRow):
    """The measures at the end of an interval, or now if it has not ended."""

    period = serializers.CharField(help_text="Such as `2010`, `2010-Q3`, `2010-07` or `2010-W27`.")
    at = serializers.DateTimeField(help_text="The instant of the measures.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields: first the point, then the measures."""
        fields = super().get_fields()
        return {"period": fields.pop("period"), "at": fields.pop("at"), **fields}


class TrendAnswer(serializers.Serializer[Any]):
    """The points, oldest first."""

    interval = serializers.ChoiceField(
        choices=list(Interval), help_text="The length of the intervals between the points."
    )
    measures = serializers.ListField(child=serializers.ChoiceField(choices=list(Measure)))
    results = PointRow(many=True)


class TrendViews(Views):
    """Measures over time."""

    permission_models = (LedgerEntry,)
    exported = frozenset({"retrieve"})

    @extend_schema(
        operation_id="trend",
        parameters=table_parameters(queries.TrendFilter, field_names(PointRow)),
        responses=formats_of(TrendAnswer),
    )
    def retrieve(self, request: Request) -> HttpResponseBase:
        """Measure deadlines at the end of each interval (UTC), as known then or now.

        Counts are computed for all points at once. The measures of days, and some filters, are
        computed point by point. What takes the database more than 15 seconds is refused with 400.
        """
        asked_for = read_filter(request, queries.TrendFilter)
        rows = queries.trend(asked_for, reader=self.reader, now=timezone.now())
        answer = {"interval": asked_for.interval, "measures": asked_for.measures}
        return aggregate_response(
            request,
            asked_for,
            {**answer, "results": rows},
            names=("period", "at", *(each.value for each in asked_for.measures)),
        )
