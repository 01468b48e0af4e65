"""Deadlines: their status, timeline and history."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.conditional import present_response
from compliance.api.lists import list_response
from compliance.api.openapi import filter_parameters
from compliance.api.openapi_lists import list_schema, serializer_of
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    read_filter,
    reject_query_parameters,
    row_response,
)
from compliance.domain.vocabulary import FactKind, Precision, Reason, Status
from compliance.models import Deadline
from compliance.queries.agreements.expansions import expand
from compliance.queries.deadlines import deadlines as queries
from compliance.queries.deadlines import timelines
from compliance.queries.pages import Page
from compliance.queries.point_in_time import PointInTime

DeadlineRow = serializer_of(queries.ROW)


class SuccessorRow(serializers.Serializer[Any]):
    """An obligation in its agreement."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    title = serializers.CharField()


SingleDeadlineRow = serializer_of(
    queries.ROW,
    name="SingleDeadlineRow",
    doc="A deadline with the trace of its due date under the current rules.",
    successor=SuccessorRow(
        allow_null=True, help_text="The obligation that took its place, if it is superseded."
    ),
    trace=serializers.ListField(child=serializers.CharField()),
    warnings=serializers.ListField(child=serializers.CharField()),
)


class TransitionRow(serializers.Serializer[Any]):
    """One transition of a deadline. It lies in the future if `is_projected`."""

    effective_at = serializers.DateTimeField()
    precision = serializers.ChoiceField(
        choices=list(Precision),
        allow_null=True,
        help_text="If only a day, month, quarter or year is known, effective_at is taken from it.",
    )
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True, help_text="The fact that caused it.")
    due_on = serializers.DateField(allow_null=True)
    due_precision = serializers.ChoiceField(
        choices=list(Precision),
        allow_null=True,
        help_text="If a month, quarter or year was agreed, due_on is its last day.",
    )
    due_at = serializers.DateTimeField(allow_null=True)
    unmet_at = serializers.DateTimeField(allow_null=True)
    performed = QuantityField(allow_null=True, help_text="The quantity performed so far.")
    target = QuantityField(allow_null=True, help_text="The quantity owed from this transition on.")
    measured = QuantityField(allow_null=True, help_text="The value in force.")
    accepted_share = QuantityField(
        allow_null=True, help_text="The share of the whole that is accepted, if there is no target."
    )
    is_projected = serializers.BooleanField()


class TimelineAnswer(serializers.Serializer[Any]):
    """The whole timeline of a deadline, oldest first."""

    deadline = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    known_at = serializers.DateTimeField()
    results = TransitionRow(many=True)


class PastTransitionRow(serializers.Serializer[Any]):
    """One transition as it was known at the time."""

    effective_at = serializers.DateTimeField()
    precision = serializers.ChoiceField(
        choices=list(Precision),
        allow_null=True,
        help_text="If only a day, month, quarter or year is known, effective_at is taken from it.",
    )
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    due_precision = serializers.ChoiceField(
        choices=list(Precision),
        allow_null=True,
        help_text="If a month, quarter or year was agreed, due_on is its last day.",
    )
    due_at = serializers.DateTimeField(allow_null=True)
    unmet_at = serializers.DateTimeField(allow_null=True)
    performed = QuantityField(allow_null=True)
    target = QuantityField(allow_null=True)
    measured = QuantityField(allow_null=True)
    accepted_share = QuantityField(
        allow_null=True, help_text="The share of the whole that is accepted, if there is no target."
    )


class LearnedRow(serializers.Serializer[Any]):
    """A fact that became known."""

    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=list(FactKind))


class BatchRow(serializers.Serializer[Any]):
    """What was recorded at `recorded_at`: the timeline `from` an instant on, and the facts that
    became known since the previous batch."""

    recorded_at = serializers.DateTimeField()
    facts = LearnedRow(many=True)
    timeline = PastTransitionRow(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields, including `from`, which is a Python keyword."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class HistoryAnswer(serializers.Serializer[Any]):
    """Everything that was ever known about a deadline, oldest first."""

    deadline = serializers.IntegerField()
    results = BatchRow(many=True)


class DeadlineViews(Views):
    """Deadlines: dated instances of obligations."""

    permission_models = (Deadline,)

    @extend_schema(**list_schema(queries.DeadlineListing, DeadlineRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List deadlines with their status, now or as of one instant as known at another.

        Deadlines without a due date come last. Deadlines that were not known then are left out.
        """
        now = timezone.now()
        listing = read_filter(request, queries.DeadlineListing).pinned(now)

        def read(wanted: queries.DeadlineListing) -> Page:
            page = queries.listed(wanted, now=now, reader=self.reader)
            expand(page.rows, wanted.expand, wanted, reader=self.reader, now=now)
            return page

        return list_response(
            request,
            listing,
            read,
            row=DeadlineRow,
            export=partial(queries.exported, now=now, reader=self.reader),
            as_of=listing.as_of,
            known_at=listing.known_at,
        )

    @extend_schema(parameters=filter_parameters(PointInTime), responses=SingleDeadlineRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one deadline, now or as of one instant as known at another."""
        now = timezone.now()
        moment = read_filter(request, PointInTime).pinned(now)
        return row_response(queries.row(id, moment, now=now, reader=self.reader))

    @extend_schema(
        operation_id="deadlines_timeline",
        parameters=filter_parameters(PointInTime),
        responses=TimelineAnswer,
    )
    def timeline(self, request: Request, id: int) -> Response:
        """Show every past status of the deadline, and every future one if nothing else happens.

        With `known_at`, as known at that instant.
        """
        now = timezone.now()
        moment = read_filter(request, PointInTime).pinned(now)
        rows = timelines.timeline_rows(id, moment, now=now, reader=self.reader)
        if rows is None:
            raise NotFound("This deadline does not exist, or was not known then.")
        as_of, known_at = moment.as_of or now, moment.known_at or now
        content = {"deadline": id, "as_of": as_of, "known_at": known_at, "results": rows}
        return present_response(request, content, "as_of", "known_at")

    @extend_schema(operation_id="deadlines_history", responses=HistoryAnswer)
    def history(self, request: Request, id: int) -> Response:
        """Show what was known about the deadline, and when."""
        reject_query_parameters(request)
        history = timelines.history(id, reader=self.reader)
        if history is None:
            raise NotFound("This deadline does not exist.")
        return Response({"deadline": id, "results": history})
