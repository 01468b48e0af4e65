"""Due rules, tried out before anything is stored."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.views import Views, body
from compliance.models import Agreement, Deadline, Party
from compliance.queries.due_dates import due_rules as queries


class PreviewedDeadline(serializers.Serializer[Any]):
    """A date of a rule, and the instants that follow from it."""

    due_on = serializers.DateField(help_text="The civil day, in `timezone`.")
    due_at = serializers.DateTimeField(help_text="Exclusive: what happens at it is late.")
    unmet_at = serializers.DateTimeField(help_text="The end of the grace period.")
    first_at = serializers.DateTimeField(
        allow_null=True,
        help_text="From here to due_at it is in time by one reading, and late by another.",
    )
    timezone = serializers.CharField()
    local = serializers.DictField(
        child=serializers.CharField(),
        help_text="What clocks show at due_at, by zone: this one and those of the parties.",
    )


class PreviewAnswer(serializers.Serializer[Any]):
    """What a rule comes to. Where readings of it differ, `earliest` and `latest` are the days that
    the first such date may mean, `earliest_at` and `latest_at` the instants."""

    rule = serializers.DictField(help_text="The rule, every field named.")
    dates = serializers.ListField(child=serializers.DateField())
    deadlines = PreviewedDeadline(many=True)
    earliest = serializers.DateField(allow_null=True)
    latest = serializers.DateField(allow_null=True)
    earliest_at = serializers.DateTimeField(allow_null=True)
    latest_at = serializers.DateTimeField(allow_null=True)
    trace = serializers.ListField(child=serializers.CharField(), help_text="The working.")
    warnings = serializers.ListField(child=serializers.CharField())


class PreviewViews(Views):
    """What a due rule comes to."""

    rights = (Agreement, Party, Deadline)
    stores_nothing = True

    @extend_schema(
        operation_id="due_rules_preview",
        request=queries.PreviewDraft,
        responses={200: PreviewAnswer},
    )
    def create(self, request: Request) -> Response:
        """Work out a due rule: its dates, its instants, and how they came about.

        Stores nothing; a token that may only read will do. What the rule leaves open follows
        from the agreement, or from the obligor, if they are named. A rule that waits for
        something gives no dates, and a warning that says what for.
        """
        return Response(queries.previewed(body(request, queries.PreviewDraft)))
