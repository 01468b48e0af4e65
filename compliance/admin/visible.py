"""The rows that exist for the user of a request.

Lists, pages, choices, filters, autocompletions and counts of the admin start from these. The base
classes in `theme` apply this to every list, page and related field.
"""

from __future__ import annotations

import copy
from typing import Any, TypeVar

from django import forms
from django.contrib.admin import RelatedFieldListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from compliance.models import Agreement, CalendarFeed, JobRun, Subscription, Tombstone, Webhook
from compliance.models.people.readers import Reader, reader_of
from compliance.models.visibility import PATHS_TO_AGREEMENT, visible_to

ModelT = TypeVar("ModelT", bound=Model)

# Filters and addresses that people have saved for themselves.
_OWN: tuple[type[Model], ...] = (Subscription, Webhook, CalendarFeed)
# What was purged no longer has teams, and jobs count and name rows of all agreements.
_OF_ADMINISTRATORS: tuple[type[Model], ...] = (JobRun, Tombstone)


def reader(request: HttpRequest) -> Reader:
    """Return the reader that the user of a request is, which is looked up once."""
    found: Reader | None = request.__dict__.get("reader")
    if found is None:
        found = request.__dict__["reader"] = reader_of(request.user)
    return found


def visible(rows: QuerySet[ModelT], request: HttpRequest) -> QuerySet[ModelT]:
    """Return those of the rows that exist for the user of a request."""
    viewer = reader(request)
    if not viewer.is_limited:
        return rows
    if rows.model in _OF_ADMINISTRATORS:
        return rows.none()
    if rows.model in _OWN:
        rows = rows.filter(owner=viewer.user_id)
    if rows.model.__name__ in PATHS_TO_AGREEMENT:
        return visible_to(rows, viewer)
    return rows


def limit_choices(form: Any, request: HttpRequest) -> None:
    """Let the fields of a form class offer and accept only rows that exist for the user."""
    for name, field in form.base_fields.items():
        if isinstance(field, forms.ModelChoiceField) and field.queryset is not None:
            # Declared fields are shared by all requests.
            form.base_fields[name] = limited = copy.deepcopy(field)
            limited.queryset = visible(field.queryset, request)


class AgreementFilter(RelatedFieldListFilter):
    """Filters by agreement, and offers those that exist for the user."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the agreements by title."""
        found = visible(Agreement.objects.order_by("title"), request)
        return [(each.pk, str(each)) for each in found.only("title")]
