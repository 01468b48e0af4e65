"""Calendar feeds: private addresses for calendar programs."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
)
from compliance.delivery import links
from compliance.domain.alerts.drafts import CalendarFeedDraft
from compliance.models import CalendarFeed
from compliance.operations.alerts import calendar_feeds as operations
from compliance.queries.alerts import calendar_feeds as queries
from compliance.queries.pages import Listing


class CalendarFeedRow(serializers.Serializer[CalendarFeed]):
    """A private calendar feed. Its address is shown only at creation."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    agreement = serializers.CharField(allow_null=True, help_text="Null: all agreements.")
    owner = serializers.CharField()
    created_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)


class NewCalendarFeedRow(CalendarFeedRow):
    """A new feed with its address."""

    url = serializers.CharField(
        help_text="Anyone who knows it can read the feed. It is not shown again."
    )


class CalendarFeedViews(Views):
    """Your private calendar feeds of deadlines."""

    permission_models = (CalendarFeed,)
    is_secret = True

    @extend_schema(**list_schema(Listing, CalendarFeedRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List your feeds in order of creation."""
        listing = read_filter(request, Listing)
        read = partial(queries.feeds, owner_id=user_of(request).pk)
        return list_response(request, listing, read, row=CalendarFeedRow)

    @extend_schema(request=CalendarFeedDraft, responses={201: NewCalendarFeedRow})
    def create(self, request: Request) -> Response:
        """Create a feed. Only this response contains its address."""
        user = user_of(request)
        draft = read_body(request, CalendarFeedDraft)
        feed, token = operations.create(draft=draft, owner=user, as_of=timezone.now())
        row = queries.feed(feed.pk, owner_id=user.pk) or {}
        return created_response(
            request, {**row, "url": links.url(reverse("calendar_feed", args=[token]))}, "id"
        )

    @extend_schema(responses=CalendarFeedRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one of your feeds."""
        reject_query_parameters(request)
        return row_response(queries.feed(id, owner_id=user_of(request).pk))

    @extend_schema(request=None, responses=CalendarFeedRow)
    def revoke(self, request: Request, id: int) -> Response:
        """Revoke a feed. Its address answers 404 from now on."""
        reject_query_parameters(request)
        user = user_of(request)
        feed = get_object_or_404(CalendarFeed, pk=id, owner=user)
        operations.revoke(feed=feed, as_of=timezone.now())
        return row_response(queries.feed(id, owner_id=user.pk))
