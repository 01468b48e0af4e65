"""Deadlines: where they stand, where they stood, and how they came to."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.openapi import asked, paged
from compliance.api.views import Views, found, nothing_asked, page_response, question
from compliance.domain.vocabulary import FactKind, ObligationKind, Reason, Status, Verification
from compliance.models import Deadline
from compliance.queries.deadlines import deadlines as queries


class DeadlineRow(serializers.Serializer[Deadline]):
    """A deadline, at the moment that was asked for."""

    id = serializers.IntegerField()
    obligation = serializers.IntegerField()
    obligation_ref = serializers.CharField()
    agreement = serializers.CharField()
    title = serializers.CharField()
    obligors = serializers.ListField(child=serializers.CharField())
    obligees = serializers.ListField(child=serializers.CharField())
    kind = serializers.ChoiceField(choices=list(ObligationKind))
    number = serializers.IntegerField(help_text="Which of the obligation's deadlines, from 1.")
    starts_at = serializers.DateTimeField(
        allow_null=True, help_text="When a period to maintain or refrain in begins."
    )
    due_on = serializers.DateField(
        allow_null=True,
        help_text="The civil day, where it counts. Null while dormant, or without an end.",
    )
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="Exclusive: what happens at it is late."
    )
    unmet_at = serializers.DateTimeField(allow_null=True, help_text="The end of the grace period.")
    first_at = serializers.DateTimeField(
        allow_null=True,
        help_text="From here to due_at it is in time by one reading, and late by another.",
    )
    is_ambiguous = serializers.BooleanField(
        help_text="Whether the status depends on the zone, or the reading, that is taken."
    )
    original_due_at = serializers.DateTimeField(allow_null=True)
    timezone = serializers.CharField()
    status = serializers.ChoiceField(choices=list(Status))
    status_since = serializers.DateTimeField()
    is_disputed = serializers.BooleanField()
    verification = serializers.ChoiceField(choices=list(Verification))
    next_check_at = serializers.DateTimeField(allow_null=True)
    target_quantity = serializers.FloatField(
        allow_null=True, help_text="What is owed; null without a target."
    )
    unit = serializers.CharField(allow_blank=True)
    performed_quantity = serializers.FloatField(allow_null=True)
    accepted_share = serializers.FloatField(
        allow_null=True, help_text="How much of the whole is accepted, where nothing is counted."
    )
    expected_quantity = serializers.FloatField(
        allow_null=True, help_text="What an even delivery would have reached by now."
    )
    pace = serializers.FloatField(
        allow_null=True, help_text="What was performed, as a share of what was expected."
    )


class SingleDeadlineRow(DeadlineRow):
    """A deadline with its working: how its due date came about, by the rules as they are now."""

    trace = serializers.ListField(child=serializers.CharField())
    warnings = serializers.ListField(child=serializers.CharField())


class TransitionRow(serializers.Serializer[Any]):
    """One change in the course of a deadline; it is still to come if `is_projected`."""

    effective_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True, help_text="The fact that caused it.")
    due_on = serializers.DateField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    unmet_at = serializers.DateTimeField(allow_null=True)
    performed = serializers.FloatField(allow_null=True, help_text="The quantity so far.")
    target = serializers.FloatField(allow_null=True, help_text="The quantity owed from here on.")
    is_projected = serializers.BooleanField()


class TimelineAnswer(serializers.Serializer[Any]):
    """The whole course of a deadline, oldest first."""

    deadline = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    known_at = serializers.DateTimeField()
    results = TransitionRow(many=True)


class PastTransitionRow(serializers.Serializer[Any]):
    """One step of a course as it was believed."""

    effective_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=list(Status))
    reason = serializers.ChoiceField(choices=list(Reason))
    fact = serializers.IntegerField(allow_null=True)
    due_on = serializers.DateField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    unmet_at = serializers.DateTimeField(allow_null=True)
    performed = serializers.FloatField(allow_null=True)
    target = serializers.FloatField(allow_null=True)


class LearnedRow(serializers.Serializer[Any]):
    """A fact that had become known."""

    id = serializers.IntegerField()
    type = serializers.ChoiceField(choices=list(FactKind))


class BatchRow(serializers.Serializer[Any]):
    """What was believed anew at `recorded_at`: the course `from` an instant on, and the facts
    that had become known since the batch before."""

    recorded_at = serializers.DateTimeField()
    facts = LearnedRow(many=True)
    course = PastTransitionRow(many=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """The fields, of which the name of one is a word of the language."""
        return {**super().get_fields(), "from": serializers.DateTimeField()}


class HistoryAnswer(serializers.Serializer[Any]):
    """All that was ever believed of a deadline, oldest first."""

    deadline = serializers.IntegerField()
    results = BatchRow(many=True)


class DeadlineViews(Views):
    """Dated instances of obligations."""

    rights = (Deadline,)

    @extend_schema(parameters=asked(queries.DeadlineListing), responses=paged(DeadlineRow))
    def list(self, request: Request) -> Response:
        """List deadlines with their status, now or as of an instant and as known at another.

        Those without a due date come after all that have one. Deadlines of which nothing was
        known then are not listed.
        """
        now = timezone.now()
        listing = question(request, queries.DeadlineListing).pinned(now)
        page = queries.listed(listing, now=now)
        return page_response(request, page, as_of=listing.as_of, known_at=listing.known_at)

    @extend_schema(parameters=asked(queries.Moment), responses=SingleDeadlineRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one deadline, now or as of an instant and as known at another."""
        now = timezone.now()
        moment = question(request, queries.Moment).pinned(now)
        return found(queries.row(id, moment, now=now))

    @extend_schema(
        operation_id="deadlines_timeline",
        parameters=asked(queries.Moment),
        responses=TimelineAnswer,
    )
    def timeline(self, request: Request, id: int) -> Response:
        """Show every status that the deadline has had, and will have if nothing more happens; or
        what was believed of that at an instant."""
        now = timezone.now()
        moment = question(request, queries.Moment).pinned(now)
        course = queries.course(id, moment, now=now)
        if course is None:
            raise NotFound("There is no such deadline, or nothing was known of it then.")
        as_of, known_at = moment.as_of or now, moment.known_at or now
        return Response({"deadline": id, "as_of": as_of, "known_at": known_at, "results": course})

    @extend_schema(operation_id="deadlines_history", responses=HistoryAnswer)
    def history(self, request: Request, id: int) -> Response:
        """Show what was believed of the deadline, and when."""
        nothing_asked(request)
        history = queries.history(id)
        if history is None:
            raise NotFound("There is no such deadline.")
        return Response({"deadline": id, "results": history})
