"""Agreements, created one at a time or imported from a document."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.alerts.notification_policies import NotificationPolicyRow
from compliance.api.lists import list_response
from compliance.api.openapi import changes_of, filter_parameters
from compliance.api.openapi_lists import list_schema
from compliance.api.proposed import ProposedRow
from compliance.api.views import (
    Views,
    created_response,
    read_body,
    read_filter,
    row_response,
    updated_draft,
    user_of,
    visible_or_404,
)
from compliance.domain.agreements.drafts import AgreementDraft
from compliance.domain.fields import Flag
from compliance.domain.vocabulary import AgreementKind, AgreementStatus, Precision, Visibility
from compliance.models import Agreement
from compliance.models.locks import for_update
from compliance.operations.agreements import agreements as operations
from compliance.operations.deadlines import effects
from compliance.queries.agreements import agreements as queries
from compliance.queries.point_in_time import PointInTime

_PERIOD = "A day, month, quarter or year."


class MembershipRow(serializers.Serializer[Any]):
    """A party to the agreement, and its role."""

    code = serializers.CharField()
    role = serializers.CharField(allow_blank=True)


class PartyDateRow(serializers.Serializer[Any]):
    """The date of a milestone for one party."""

    party = serializers.CharField()
    on = serializers.CharField(allow_null=True, help_text=_PERIOD)
    precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    at = serializers.DateTimeField(allow_null=True)


class MilestoneRow(serializers.Serializer[Any]):
    """An event that starts periods: on a day (`on`), at an instant (`at`), or not yet dated."""

    ref = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    on = serializers.CharField(allow_null=True, help_text=_PERIOD)
    precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    at = serializers.DateTimeField(allow_null=True)
    due = serializers.DictField(
        allow_null=True, help_text="The rule that gives its date, if it counts from another one."
    )
    dates = PartyDateRow(
        many=True, allow_null=True, help_text="The date of each party, if each has its own."
    )


class AgreementRow(serializers.Serializer[Agreement]):
    """An agreement."""

    ref = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(AgreementKind))
    status = serializers.ChoiceField(
        choices=list(AgreementStatus),
        help_text="Derived from the dates, the facts and the archiving, as of now.",
    )
    signed_on = serializers.CharField(allow_null=True, help_text=_PERIOD)
    signed_on_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    in_force_on = serializers.CharField(allow_null=True, help_text=_PERIOD)
    in_force_on_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    ends_on = serializers.CharField(allow_null=True, help_text=_PERIOD)
    ends_on_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    timezone = serializers.CharField(allow_null=True)
    calendars = serializers.ListField(child=serializers.CharField())
    requires_approval = serializers.BooleanField(
        help_text=(
            "Anything that ends, moves or weakens an obligation needs another person's approval."
        )
    )
    visibility = serializers.ChoiceField(
        choices=list(Visibility), help_text="Who sees it: everyone, or only its teams."
    )
    teams = serializers.ListField(child=serializers.CharField(), help_text="Their slugs.")
    notification_policy = NotificationPolicyRow(
        allow_null=True, help_text="Null: the default policy."
    )
    archived_at = serializers.DateTimeField(allow_null=True)
    archived_by = serializers.CharField(allow_null=True)
    archive_reason = serializers.CharField(
        allow_null=True, help_text="Why it was last archived or restored."
    )
    milestones = MilestoneRow(many=True)
    parties = MembershipRow(many=True)


class CorrectedAgreementRow(AgreementRow):
    """An agreement that was just corrected."""

    warnings = serializers.ListField(
        child=serializers.CharField(), help_text="Which new dates change nothing, and why."
    )


class CorrectedAgreementDraft(AgreementDraft):
    """A correction. `confirm` confirms that it may make deadlines unmet at once."""

    confirm: Flag = False


class AgreementViews(Views):
    """Agreements, their parties and milestones."""

    permission_models = (Agreement,)

    @extend_schema(**list_schema(queries.AgreementListing, AgreementRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List agreements by ref, as known now or at another time."""
        now = timezone.now()
        listing = read_filter(request, queries.AgreementListing).pinned(now)
        return list_response(
            request,
            listing,
            partial(queries.listed, now=now, reader=self.reader),
            row=AgreementRow,
            as_of=listing.as_of,
            known_at=listing.known_at,
        )

    @extend_schema(request=AgreementDraft, responses={201: AgreementRow})
    def create(self, request: Request) -> Response:
        """Create an agreement between existing parties."""
        now = timezone.now()
        draft = read_body(request, AgreementDraft)
        agreement = operations.create(draft=draft, as_of=now, by=user_of(request))
        return created_response(
            request, queries.row(agreement.ref, PointInTime(), now=now, reader=self.reader), "ref"
        )

    @extend_schema(parameters=filter_parameters(PointInTime), responses=AgreementRow)
    def retrieve(self, request: Request, ref: str) -> Response:
        """Show one agreement, as known now or at another time."""
        now = timezone.now()
        moment = read_filter(request, PointInTime).pinned(now)
        return row_response(queries.row(ref, moment, now=now, reader=self.reader))

    @extend_schema(
        request=changes_of(CorrectedAgreementDraft),
        responses={200: CorrectedAgreementRow, 202: ProposedRow},
    )
    def partial_update(self, request: Request, ref: str) -> Response:
        """Correct an agreement. Deadlines that depend on its zone, calendars or milestones move.

        A list, such as `milestones`, replaces the whole stored list. A correction that makes a
        deadline unmet at once needs `"confirm": true`. If the agreement requires approval, a
        correction that ends, moves or weakens an obligation creates a proposal (202).
        """
        with transaction.atomic():
            agreement = visible_or_404(self.reader, for_update(Agreement.objects.all()), ref=ref)
            now = timezone.now()
            stored = queries.row(ref, PointInTime(), now=now, reader=self.reader)
            draft = updated_draft(request, CorrectedAgreementDraft, stored)
            agreement = operations.update(
                agreement=agreement,
                draft=draft,
                as_of=now,
                by=user_of(request),
                is_confirmed=draft.confirm,
            )
            warnings = effects.warnings_about_dates(agreement, as_of=now)
        row = queries.row(ref, PointInTime(), now=now, reader=self.reader)
        return row_response(None if row is None else {**row, "warnings": warnings})
