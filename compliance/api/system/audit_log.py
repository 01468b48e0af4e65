"""The audit log: a resumable feed for administrators."""

from __future__ import annotations

from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.views import Views, read_filter
from compliance.domain.vocabulary import AuditAction
from compliance.models import AuditEntry
from compliance.operations.system import audit_log
from compliance.queries.system import audit_log as queries


class AuditRow(serializers.Serializer[AuditEntry]):
    """Who did what, when, from where and why."""

    position = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(
        allow_null=True, help_text="The address of the user; null for commands and SQL."
    )
    address = serializers.CharField(allow_blank=True, help_text="The IP address of the client.")
    request_id = serializers.CharField(
        allow_blank=True, help_text="The header `X-Request-ID` of the request, or a random id."
    )
    action = serializers.ChoiceField(choices=list(AuditAction))
    kind = serializers.CharField(help_text="What was changed, such as `agreement` or `user`.")
    object = serializers.IntegerField(allow_null=True, help_text="The id of what was changed.")
    name = serializers.CharField(allow_null=True, help_text="Its ref, code, address or name.")
    reason = serializers.CharField(allow_null=True)
    source = serializers.CharField(  # type: ignore[assignment]  # a field, not the `source` of all
        allow_null=True, help_text="A path or a command."
    )
    changes = serializers.DictField(
        help_text="Each changed field with its value `before` and `after`. Secrets are not shown."
    )
    details = serializers.DictField(help_text="More about a sign-in or refusal.")


class AuditViews(Views):
    """Every change, sign-in and refusal, in the order of publication."""

    permission_models = (AuditEntry,)
    is_secret = True

    @extend_schema(**list_schema(queries.AuditListing, AuditRow, is_endless=True))
    def list(self, request: Request) -> HttpResponseBase:
        """Read the feed, oldest entry first.

        `next` is always present. Request it later to continue without missing an entry. In other
        formats, it is in the header `Link`.
        """
        listing = read_filter(request, queries.AuditListing)
        # What has been committed by now is published first, so that readers see their own changes.
        audit_log.publish()
        return list_response(request, listing, queries.listed, row=AuditRow, is_feed=True)
