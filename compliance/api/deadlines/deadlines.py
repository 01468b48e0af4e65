"""Deadlines: their status, timeline and history."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import filter_parameters, page_of
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    page_response,
    read_filter,
    reject_query_parameters,
    row_response,
)
from compliance.domain.vocabulary import (
    FactKind,
    ObligationKind,
    Precision,
    Reason,
    Status,
    TargetBound,
    Verification,
)
from compliance.models import Deadline
from compliance.queries.deadlines import deadlines as queries
from compliance.queries.deadlines import timelines
from compliance.queries.point_in_time import PointInTime


class DeadlineRow(serializers.Serializer[Deadline]):
    """A deadline at the requested time."""

    id = serializers.IntegerField()
    obligation = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    title = serializers.CharField()
    obligors = serializers.ListField(child=serializers.CharField())
    obligees = serializers.ListField(child=serializers.CharField())
    party = serializers.CharField(
        allow_null=True, help_text="The obligor whose deadline it is, if each has one of its own."
    )
    kind = serializers.ChoiceField(choices=list(ObligationKind))
    number = serializers.IntegerField(
        help_text="The position among the obligation's deadlines, from 1."
    )
    starts_at = serializers.DateTimeField(
        allow_null=True, help_text="When the period to maintain or refrain begins."
    )
    due_on = serializers.DateField(
        allow_null=True,
        help_text="The due day in the deadline's zone. Null while dormant, or if it has no end.",
    )
    due_precision = serializers.ChoiceField(
        choices=list(Precision),
        allow_null=True,
        help_text="If a month, quarter or year was agreed, due_on is its last day.",
    )
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="Exclusive: performance at this instant is late."
    )
    unmet_at = serializers.DateTimeField(allow_null=True, help_text="The end of the grace period.")
    earliest_due_at = serializers.DateTimeField(
        allow_null=True,
        help_text="From this until due_at, whether performance is on time depends on the reading.",
    )
    is_ambiguous = serializers.BooleanField(
        help_text="Whether the status depends on the zone or the reading that is used."
    )
    original_due_at = serializers.DateTimeField(allow_null=True)
    timezone = serializers.CharField()
    status = serializers.ChoiceField(choices=list(Status))
    status_since = serializers.DateTimeField()
    is_closed = serializers.BooleanField(help_text="Whether nothing changes it any more.")
    is_disputed = serializers.BooleanField()
    verification = serializers.ChoiceField(choices=list(Verification))
    next_check_at = serializers.DateTimeField(allow_null=True)
    target_quantity = QuantityField(
        allow_null=True, help_text="The quantity owed; null if there is no target."
    )
    target_bound = serializers.ChoiceField(
        choices=list(TargetBound), help_text="Whether the target is a minimum or a maximum."
    )
    unit = serializers.CharField(allow_blank=True)
    performed_quantity = QuantityField(
        allow_null=True, help_text="Null if only measured values decide about the target."
    )
    measured_quantity = QuantityField(
        allow_null=True, help_text="The value in force: the latest that was measured."
    )
    accepted_share = QuantityField(
        allow_null=True, help_text="The share of the whole that is accepted, if there is no target."
    )
    expected_quantity = QuantityField(
        allow_null=True, help_text="The quantity that even delivery would have reached by now."
    )
    pace = QuantityField(
        allow_null=True, help_text="The quantity performed as a share of the quantity expected."
    )


class SuccessorRow(serializers.Serializer[Any]):
    """An obligation in its agreement."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()
    title = serializers.CharField()


class SingleDeadlineRow(DeadlineRow):
    """A deadline with the trace of its due date under the current rules."""

    successor = SuccessorRow(
        allow_null=True, help_text="The obligation that took its place, if it is superseded."
    )
    trace = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class TransitionRow(serializers.Serializer[Any]):
    """One transition of a deadline. It lies in the future if `is_projected`."""

    effective_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True, help_text="The fact that caused it.")
    due_on = serializers.DateField(allow_null=True)
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
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
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

    @extend_schema(
        parameters=filter_parameters(queries.DeadlineListing), responses=page_of(DeadlineRow)
    )
    def list(self, request: Request) -> Response:
        """List deadlines with their status, now or as of one instant as known at another.

        Deadlines without a due date come last. Deadlines that were not known then are left out.
        """
        now = timezone.now()
        listing = read_filter(request, queries.DeadlineListing).pinned(now)
        page = queries.listed(listing, now=now, reader=self.reader)
        return page_response(request, page, as_of=listing.as_of, known_at=listing.known_at)

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
        return Response({"deadline": id, "as_of": as_of, "known_at": known_at, "results": rows})

    @extend_schema(operation_id="deadlines_history", responses=HistoryAnswer)
    def history(self, request: Request, id: int) -> Response:
        """Show what was known about the deadline, and when."""
        reject_query_parameters(request)
        history = timelines.history(id, reader=self.reader)
        if history is None:
            raise NotFound("This deadline does not exist.")
        return Response({"deadline": id, "results": history})
