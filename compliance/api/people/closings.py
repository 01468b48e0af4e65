"""Close the account of somebody who leaves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.views import Views, read_body, user_of
from compliance.domain.people.drafts import ClosingDraft
from compliance.models import User
from compliance.operations.people import closings


class ClosingRow(serializers.Serializer[Any]):
    """What was closed, and what somebody must now take care of. Lists name at most 100."""

    user = serializers.CharField(help_text="The address of the account, or its pseudonym.")
    tokens = serializers.IntegerField(help_text="How many API tokens were revoked.")
    calendar_feeds = serializers.IntegerField(help_text="How many were revoked.")
    subscriptions = serializers.IntegerField(help_text="How many ended.")
    handed_over = serializers.ListField(
        child=serializers.CharField(),
        help_text="Obligations for which the successor is responsible.",
    )
    still_responsible = serializers.ListField(
        child=serializers.CharField(), help_text="Obligations for which it remains responsible."
    )
    without_recipients = serializers.ListField(
        child=serializers.CharField(),
        help_text="Open obligations about whose breaches nobody is notified any more.",
    )
    remaining = serializers.ListField(
        child=serializers.CharField(),
        help_text="Records, protected by hashes, that still contain the name or the address.",
    )


class ClosingViews(Views):
    """The closing of an account."""

    permission_models = (User,)
    post_verb = "change"

    @extend_schema(operation_id="users_close", request=ClosingDraft, responses={200: ClosingRow})
    def create(self, request: Request, id: int) -> Response:
        """Close an account for good, and pseudonymise it on request. Needs a reason."""
        user = User.objects.filter(pk=id).first()
        if user is None:
            raise NotFound("This does not exist.")
        draft = read_body(request, ClosingDraft)
        closing = closings.close(user=user, draft=draft, by=user_of(request), as_of=timezone.now())
        return Response(asdict(closing))
