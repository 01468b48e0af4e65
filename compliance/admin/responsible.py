"""The list filter by who is responsible."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from compliance.admin.visible import reader
from compliance.domain.responsible import ME
from compliance.models import Responsibility, Team


class ResponsibleFilter(admin.SimpleListFilter):
    """Filters obligations by who is responsible: the user with their teams, or one of these."""

    title = "responsible"
    parameter_name = "responsible"
    path = "pk"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the user, and each of their teams."""
        teams = Team.objects.filter(memberships__user=reader(request).user_id)
        return [(ME, "me or my teams"), *((f"team:{each.slug}", each.name) for each in teams)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the filtered rows."""
        wanted = self.value()
        if wanted is None:
            return queryset
        found = Responsibility.objects.named(wanted, user_id=reader(request).user_id)
        return queryset.filter(**{f"{self.path}__in": found.values("obligation")})


class ResponsibleOfDeadlineFilter(ResponsibleFilter):
    """Filters deadlines by who is responsible for their obligations."""

    path = "obligation"
