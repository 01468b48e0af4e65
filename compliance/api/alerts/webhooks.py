"""Webhooks and chats that can be subscribed, and redelivery of alerts."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.alerts.alerts import AlertRow
from compliance.api.lists import list_response
from compliance.api.openapi import changes_of
from compliance.api.openapi_lists import list_schema
from compliance.api.views import (
    Views,
    body_fields,
    created_response,
    keep_reason,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.alerts.drafts import WebhookDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import WebhookKind
from compliance.models import Alert, Message, Webhook
from compliance.models.locks import for_update
from compliance.models.people.readers import current_reader
from compliance.operations.alerts import webhooks as operations
from compliance.queries.alerts import alerts
from compliance.queries.alerts import webhooks as queries
from compliance.queries.pages import Listing


class WebhookRow(serializers.Serializer[Webhook]):
    """A webhook or chat. The address of a chat contains a secret and is not shown."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(WebhookKind))
    url = serializers.CharField(allow_null=True)
    is_active = serializers.BooleanField()
    owner = serializers.CharField(
        allow_null=True, help_text="It receives only what this user may see."
    )
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when the receiver asked not to be called (Retry-After)."
    )
    former_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then, requests are signed with the previous secret too."
    )
    created_at = serializers.DateTimeField()


class NewWebhookRow(WebhookRow):
    """A webhook with its new secret."""

    secret = serializers.CharField(
        allow_null=True, help_text="Verifies requests (Standard Webhooks). It is not shown again."
    )


class WebhookViews(Views):
    """Standard Webhooks receivers and chats."""

    permission_models = (Webhook,)
    is_secret = True

    @extend_schema(**list_schema(Listing, WebhookRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List webhooks in order of creation."""
        return list_response(
            request, read_filter(request, Listing), queries.webhooks, row=WebhookRow
        )

    @extend_schema(request=WebhookDraft, responses={201: NewWebhookRow})
    def create(self, request: Request) -> Response:
        """Create a webhook. Only this response contains its secret."""
        webhook = operations.create(
            draft=read_body(request, WebhookDraft), by=user_of(request), as_of=timezone.now()
        )
        row = queries.webhook(webhook.pk) or {}
        return created_response(request, {**row, "secret": webhook.secret or None}, "id")

    @extend_schema(responses=WebhookRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one webhook."""
        reject_query_parameters(request)
        return row_response(queries.webhook(id))

    @extend_schema(request=changes_of(WebhookDraft), responses=WebhookRow)
    def partial_update(self, request: Request, id: int) -> Response:
        """Change a webhook. Its secret stays the same."""
        with transaction.atomic():
            webhook = get_object_or_404(for_update(_own()), pk=id)
            fields = body_fields(request)
            keep_reason(fields)
            kept = {
                "name": webhook.name,
                "kind": webhook.kind,
                "url": webhook.url,
                "is_active": webhook.is_active,
            }
            operations.update(
                webhook=webhook,
                draft=read(WebhookDraft, kept | fields),
                by=user_of(request),
            )
        return row_response(queries.webhook(id))

    @extend_schema(request=None, responses=NewWebhookRow)
    def rotate(self, request: Request, id: int) -> Response:
        """Rotate the secret. The previous secret also signs for one more day."""
        reject_query_parameters(request)
        webhook = operations.rotate(webhook=get_object_or_404(_own(), pk=id), as_of=timezone.now())
        return row_response({**(queries.webhook(id) or {}), "secret": webhook.secret})


def _own() -> QuerySet[Webhook]:
    """Return the webhooks of the reader; all of them for administrators."""
    owner_id = current_reader().owner_id
    found = Webhook.objects.all()
    return found if owner_id is None else found.filter(owner=owner_id)


class RedeliveryViews(Views):
    """Redelivery of alerts."""

    permission_models = (Message,)

    @extend_schema(request=None, responses={200: AlertRow})
    def create(self, request: Request, id: int) -> Response:
        """Send the message of an alert again, by email or to its webhook."""
        reject_query_parameters(request)
        alert = visible_or_404(self.reader, Alert.objects.select_related("message"), pk=id)
        if alert.message is None:
            raise NotFound("This alert has not been put into a message yet.")
        operations.redeliver(message=alert.message, as_of=timezone.now())
        return row_response(alerts.alert(id, reader=self.reader))
