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
from compliance.domain.vocabulary import ObligationKind, Reason, Status, Verification
from compliance.models import Deadline
from compliance.queries import deadlines as queries


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
        allow_null=True, help_text="What is owed now; null in the past, and without a target."
    )
    unit = serializers.CharField(allow_blank=True)
    performed_quantity = serializers.FloatField(allow_null=True)
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
    results = TransitionRow(many=True)


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

    @extend_schema(operation_id="deadlines_timeline", responses=TimelineAnswer)
    def timeline(self, request: Request, id: int) -> Response:
        """Show every status that the deadline has had, and will have if nothing more happens."""
        nothing_asked(request)
        now = timezone.now()
        course = queries.course(id, now=now)
        if course is None:
            raise NotFound("There is no such deadline.")
        return Response({"deadline": id, "as_of": now, "results": course})
