"""Previews of due rules. They store nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.views import Views, read_body
from compliance.models import Agreement, Deadline, Party
from compliance.queries.due_dates import due_rules as queries


class PreviewedDeadline(serializers.Serializer[Any]):
    """A due date that follows from a rule, with its instants."""

    due_on = serializers.DateField(help_text="The civil day, in `timezone`.")
    due_at = serializers.DateTimeField(help_text="Exclusive: performance at this instant is late.")
    unmet_at = serializers.DateTimeField(help_text="The end of the grace period.")
    earliest_due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="From this until due_at, whether performance is on time depends on the reading.",
    )
    timezone = serializers.CharField()
    local = serializers.DictField(
        child=serializers.CharField(),
        help_text="The local time of due_at, by zone: this zone and those of the parties.",
    )


class PreviewAnswer(serializers.Serializer[Any]):
    """The dates of a rule.

    If its readings differ, `earliest` and `latest` are the possible days of the first such date,
    `earliest_at` and `latest_at` the possible instants.
    """

    rule = serializers.DictField(help_text="The rule with every field filled in.")
    dates = serializers.ListField(child=serializers.DateField())
    deadlines = PreviewedDeadline(many=True)
    earliest = serializers.DateField(allow_null=True)
    latest = serializers.DateField(allow_null=True)
    earliest_at = serializers.DateTimeField(allow_null=True)
    latest_at = serializers.DateTimeField(allow_null=True)
    trace = serializers.ListField(
        child=serializers.CharField(), help_text="The steps of the computation."
    )
    warnings = serializers.ListField(child=serializers.CharField())


class PreviewViews(Views):
    """Previews of due rules."""

    permission_models = (Agreement, Party, Deadline)
    stores_nothing = True

    @extend_schema(
        operation_id="due_rules_preview",
        request=queries.PreviewDraft,
        responses={200: PreviewAnswer},
    )
    def create(self, request: Request) -> Response:
        """Compute the dates and instants of a due rule, with a trace.

        Stores nothing, so a read-only token suffices. The agreement or obligor, if given, supplies
        the values that the rule leaves open. A rule that waits for an event returns no dates, but a
        warning that names the event.
        """
        return Response(
            queries.previewed(read_body(request, queries.PreviewDraft), reader=self.reader)
        )
