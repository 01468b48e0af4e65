"""The list filter by the status of the agreement, which hides archived agreements by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from compliance.domain.vocabulary import AgreementStatus
from compliance.models import Agreement
from compliance.queries import agreement_statuses as statuses

# Whoever asks for the rows of one of these sees them, archived or not.
_IDENTIFIED = frozenset({"agreement__id__exact", "deadline__id__exact", "message__id__exact"})


class AgreementStatusFilter(admin.SimpleListFilter):
    """Filters by the status of the agreement. Without a choice, archived agreements are hidden.

    The rows of one agreement, deadline or message are never hidden.
    """

    title = "agreement status"
    parameter_name = "agreement_status"
    path = "agreement_id"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return all statuses."""
        return [(each.value, each.value.replace("_", " ")) for each in AgreementStatus]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the choices, and say that the default hides archived agreements."""
        every = super().choices(changelist)
        yield {**next(every), "display": "all but archived"}
        yield from every

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the filtered rows."""
        wanted = [each for each in AgreementStatus if each.value == self.value()]
        if not wanted and _IDENTIFIED & request.GET.keys():
            return queryset
        if not wanted:
            return queryset.exclude(**{f"{self.path}__in": Agreement.objects.archived()})
        found = statuses.agreement_ids(wanted, as_of=timezone.now())
        return queryset.filter(**{f"{self.path}__in": found})


class DeadlineAgreementStatusFilter(AgreementStatusFilter):
    """Filters rows about deadlines by the status of the agreement."""

    path = "deadline__agreement_id"


class OwnStatusFilter(AgreementStatusFilter):
    """Filters agreements by their own status."""

    title = "status"
    path = "pk"
