"""What is overdue, and what falls due in the next weeks."""

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
from compliance.queries.deadlines import upcoming as queries
from compliance.queries.deadlines.groupings import Grouping


class UpcomingRow(serializers.Serializer[Any]):
    """How many deadlines are overdue, or due in a week."""

    group = serializers.CharField(
        required=False, allow_null=True, help_text="The group, if a grouping was asked for."
    )
    is_overdue = serializers.BooleanField(
        help_text="Whether this row counts what is overdue, in any week."
    )
    week = serializers.CharField(allow_null=True, help_text="Such as `2026-W48` (ISO 8601).")
    first_on = serializers.DateField(allow_null=True, help_text="The Monday of the week.")
    last_on = serializers.DateField(allow_null=True, help_text="The Sunday of the week.")
    count = serializers.IntegerField(help_text="The number of deadlines that are not closed.")
    statuses = serializers.DictField(
        child=serializers.IntegerField(), help_text="The number per status."
    )


class UpcomingAnswer(serializers.Serializer[Any]):
    """The weeks of each group, each after what is overdue."""

    weeks = serializers.IntegerField(help_text="How many weeks are shown.")
    group_by = serializers.ChoiceField(
        choices=list(Grouping), allow_null=True, help_text="The grouping."
    )
    total = serializers.IntegerField(help_text="The number of groups without `limit`.")
    results = UpcomingRow(many=True)


class UpcomingViews(Views):
    """What comes next."""

    permission_models = (Deadline,)
    exported = frozenset({"retrieve"})

    @extend_schema(
        operation_id="upcoming",
        parameters=table_parameters(queries.UpcomingFilter, field_names(UpcomingRow)),
        responses=formats_of(UpcomingAnswer),
    )
    def retrieve(self, request: Request) -> HttpResponseBase:
        """Count what is overdue, and what falls due in each of the next weeks.

        A deadline that is not closed belongs to the week of its due day in its own zone. What takes
        the database more than 15 seconds is refused with 400.
        """
        now = timezone.now()
        asked_for = read_filter(request, queries.UpcomingFilter).pinned(now)
        found = queries.upcoming(asked_for, now=now, reader=self.reader)
        answer: dict[str, Any] = {"weeks": asked_for.weeks, "group_by": asked_for.group_by}
        answer |= {"total": found.total, "results": found.rows}
        names = [
            each
            for each in field_names(UpcomingRow)
            if each != "group" or asked_for.group_by is not None
        ]
        return aggregate_response(request, asked_for, answer, names=names)
