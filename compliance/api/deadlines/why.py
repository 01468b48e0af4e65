"""Why a deadline has its status."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.conditional import present_response
from compliance.api.openapi import filter_parameters
from compliance.api.views import Views, read_filter
from compliance.domain.deadlines.explanations import StepKind
from compliance.domain.vocabulary import AgreementStatus, Status
from compliance.models import Deadline
from compliance.queries.deadlines.why import why
from compliance.queries.point_in_time import PointInTime


class StepRow(serializers.Serializer[Any]):
    """One step of the explanation, with its fact, position and evidence."""

    kind = serializers.ChoiceField(choices=list(StepKind))
    sentence = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(choices=list(Status), allow_null=True)
    fact = serializers.IntegerField(allow_null=True)
    position = serializers.IntegerField(allow_null=True)
    evidence = serializers.ListField(child=serializers.CharField(), help_text="The refs.")


class WhyAnswer(serializers.Serializer[Any]):
    """Why a deadline had its status, in one paragraph and step by step."""

    deadline = serializers.IntegerField()
    as_of = serializers.DateTimeField()
    known_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=list(Status))
    agreement_status = serializers.ChoiceField(choices=list(AgreementStatus))
    since = serializers.DateTimeField()
    paragraph = serializers.CharField()
    steps = StepRow(many=True)


class WhyViews(Views):
    """Explanations."""

    permission_models = (Deadline,)

    @extend_schema(
        operation_id="deadlines_why", parameters=filter_parameters(PointInTime), responses=WhyAnswer
    )
    def retrieve(self, request: Request, id: int) -> Response:
        """Explain the status of a deadline, now or as of one instant as known at another."""
        now = timezone.now()
        moment = read_filter(request, PointInTime).pinned(now)
        explanation = why(id, moment, now=now, reader=self.reader)
        if explanation is None:
            raise NotFound("This does not exist.")
        return present_response(request, explanation, "as_of", "known_at")
