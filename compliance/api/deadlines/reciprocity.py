"""What two parties owe each other."""

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
from compliance.models import Deadline
from compliance.queries.deadlines import reciprocity as queries
from compliance.queries.deadlines.measures import Measure


class SideRow(MeasuresRow):
    """What one party owes the other, and who of them performed first."""

    obligor = serializers.CharField(help_text="The code of the party who owes.")
    obligee = serializers.CharField(help_text="The code of the party to whom it is owed.")
    performed_on = serializers.DateField(
        allow_null=True,
        help_text="The day on which the first deadline was met, in the zone of this deadline.",
    )
    first = serializers.CharField(
        allow_null=True,
        help_text="The code of the party who performed first; null: neither, or on the same day.",
    )
    lag_days = serializers.IntegerField(
        allow_null=True,
        help_text="The days until the other party performed; null: it has not performed.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields: first the parties, then the measures."""
        fields = super().get_fields()
        names = ("obligor", "obligee", "performed_on", "first", "lag_days")
        return {**{name: fields.pop(name) for name in names}, **fields}


class ReciprocityRow(SideRow):
    """What one party owes the other in one agreement."""

    agreement = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields: first the agreement."""
        fields = super().get_fields()
        return {"agreement": fields.pop("agreement"), **fields}


class ReciprocityAnswer(serializers.Serializer[Any]):
    """The agreements between the parties, in order of ref, with a row for each party."""

    parties = serializers.ListField(
        child=serializers.CharField(), help_text="The codes of both parties."
    )
    measures = serializers.ListField(child=serializers.ChoiceField(choices=list(Measure)))
    together = SideRow(many=True, help_text="What each party owes in all agreements together.")
    total = serializers.IntegerField(help_text="The number of agreements without `limit`.")
    results = ReciprocityRow(many=True)


class ReciprocityViews(Views):
    """Both sides of agreements."""

    permission_models = (Deadline,)
    exported = frozenset({"retrieve"})

    @extend_schema(
        operation_id="reciprocity",
        parameters=table_parameters(queries.ReciprocityFilter, field_names(ReciprocityRow)),
        responses=formats_of(ReciprocityAnswer),
    )
    def retrieve(self, request: Request) -> HttpResponseBase:
        """Compare what two parties owe each other, and say who performed first.

        A party has performed from the day on which the first of its deadlines to achieve something
        was met, on time or late. What takes the database more than 15 seconds is refused with 400.
        """
        now = timezone.now()
        asked_for = read_filter(request, queries.ReciprocityFilter).pinned(now)
        found = queries.reciprocity(asked_for, now=now, reader=self.reader)
        answer: dict[str, Any] = {"parties": asked_for.parties, "measures": asked_for.measures}
        answer |= {"together": found.together, "total": found.total, "results": found.rows}
        measures = [each.value for each in asked_for.measures]
        of_all = {each.value for each in Measure}
        names = [each for each in field_names(ReciprocityRow) if each not in of_all]
        return aggregate_response(request, asked_for, answer, names=[*names, *measures])
