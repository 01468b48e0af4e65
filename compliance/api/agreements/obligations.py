"""Obligations: the duties under agreements."""

from __future__ import annotations

from collections.abc import Sequence
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
from compliance.api.quantities import QuantityField
from compliance.api.views import (
    Views,
    agreement_of,
    created_response,
    read_body,
    read_filter,
    row_response,
    updated_draft,
    visible_or_404,
)
from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.fields import AgreementRef, Flag
from compliance.domain.vocabulary import (
    Announcement,
    ObligationKind,
    Precision,
    RollUp,
    Severity,
    Status,
    TargetBound,
)
from compliance.models import Agreement, Obligation
from compliance.models.locks import lock_agreement
from compliance.operations.agreements import obligations as operations
from compliance.operations.agreements import responsibilities
from compliance.operations.deadlines import outlying_dates
from compliance.queries.agreements import obligations as queries
from compliance.queries.deadlines.components import consequences
from compliance.queries.point_in_time import PointInTime


class CorrectedObligationDraft(ObligationDraft):
    """A correction. `confirm` confirms that it may make deadlines unmet at once."""

    confirm: Flag = False


class NewObligation(ObligationDraft):
    """An obligation, the ref of its agreement, and how breaches that began before it was entered
    are announced."""

    agreement: AgreementRef
    announce: Announcement = Announcement.SUMMARY


class PartRow(serializers.Serializer[Any]):
    """A component and the status of its deadlines; null while it has none."""

    obligation = serializers.IntegerField()
    ref = serializers.CharField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=list(Status), allow_null=True)
    is_disputed = serializers.BooleanField()


class ComponentsRow(serializers.Serializer[Any]):
    """The progress of an obligation through its components.

    Waived, superseded and cancelled components are `released`: they count neither as done nor
    as required.
    """

    rule = serializers.ChoiceField(choices=list(RollUp))
    share = QuantityField(allow_null=True)
    done = serializers.IntegerField()
    of = serializers.IntegerField()
    needed = serializers.IntegerField()
    released = serializers.IntegerField()
    status = serializers.ChoiceField(choices=list(Status))
    summary = serializers.CharField(help_text='Such as "3 of 4 done".')
    parts = PartRow(many=True)


class ReplacedRow(serializers.Serializer[Any]):
    """A deadline that an obligation replaces."""

    deadline = serializers.IntegerField()
    agreement = serializers.CharField()
    obligation_ref = serializers.CharField()


class ObligationRow(serializers.Serializer[Obligation]):
    """An obligation."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    clause = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=list(ObligationKind))
    obligors = serializers.ListField(child=serializers.CharField())
    obligees = serializers.ListField(child=serializers.CharField())
    due = serializers.DictField(allow_null=True, help_text="The due rule.")
    grace = serializers.DictField(allow_null=True)
    binds_on = serializers.CharField(
        allow_null=True, help_text="The day (or period) from which it binds, if it states one."
    )
    binds_on_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    starts = serializers.DictField(
        allow_null=True,
        help_text="The rule for the beginning of the period to maintain or refrain.",
    )
    survives_termination = serializers.BooleanField(
        help_text="Suspending or terminating the agreement does not affect it."
    )
    severity = serializers.ChoiceField(choices=list(Severity))
    tags = serializers.ListField(child=serializers.CharField())
    responsible = serializers.ListField(
        child=serializers.CharField(),
        help_text="Users by email address, and teams as `team:` and their slug.",
    )
    parent = serializers.CharField(  # type: ignore[assignment]  # removed by the metaclass
        allow_null=True, help_text="The ref of the parent obligation."
    )
    roll_up = serializers.ChoiceField(
        choices=list(RollUp), help_text="How many of its components must be complete."
    )
    roll_up_share = QuantityField(allow_null=True)
    target_quantity = QuantityField(allow_null=True)
    target_bound = serializers.ChoiceField(
        choices=list(TargetBound), help_text="Whether the target is a minimum or a maximum."
    )
    unit = serializers.CharField(allow_blank=True)
    notification_policy = NotificationPolicyRow(
        allow_null=True, help_text="Null: the policy of the agreement."
    )
    remedy_for = serializers.CharField(
        allow_null=True, help_text="The obligation whose breach activates this one."
    )
    consequences = serializers.ListField(
        child=serializers.CharField(),
        help_text="The obligations that a breach of this one activates.",
    )
    replaces = ReplacedRow(many=True, help_text="The deadlines that it replaces.")
    components = ComponentsRow(allow_null=True)


class SavedObligationRow(ObligationRow):
    """An obligation that was just created or corrected."""

    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text=(
            "Which of its dates lie outside the agreement, and who is responsible but not notified."
        ),
    )


class LinkedDeadlineRow(serializers.Serializer[Any]):
    """A deadline in a chain of consequences."""

    deadline = serializers.IntegerField()
    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=list(Status))
    since = serializers.DateTimeField()
    due_on = serializers.DateField(allow_null=True)


class LinkRow(serializers.Serializer[Any]):
    """An obligation in a chain of consequences."""

    obligation = serializers.IntegerField()
    ref = serializers.CharField()
    title = serializers.CharField()
    deadlines = LinkedDeadlineRow(many=True)


class ConsequenceRow(LinkRow):
    """An obligation that a breach activates, and recursively those that its own breach does."""

    consequences = serializers.ListField(child=serializers.DictField())


class ChainAnswer(LinkRow):
    """What an obligation remedies, nearest first, and what its breach activates."""

    causes = LinkRow(many=True)
    consequences = ConsequenceRow(many=True)


class ObligationViews(Views):
    """Duties under agreements, with their obligors and obligees."""

    permission_models = (Obligation,)

    @extend_schema(**list_schema(queries.ObligationListing, ObligationRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List obligations in order of creation, with the progress of their components.

        The progress is the current one, or that as of one instant as known at another.
        """
        now = timezone.now()
        listing = read_filter(request, queries.ObligationListing).pinned(now)
        return list_response(
            request,
            listing,
            partial(queries.listed, now=now, reader=self.reader),
            row=ObligationRow,
            as_of=listing.as_of,
            known_at=listing.known_at,
        )

    @extend_schema(request=NewObligation, responses={201: SavedObligationRow, 202: ProposedRow})
    def create(self, request: Request) -> Response:
        """Create an obligation and the deadlines that follow from its due rule."""
        draft = read_body(request, NewObligation)
        agreement = agreement_of(draft.agreement, reader=self.reader)
        obligation = operations.create(
            agreement=agreement, draft=draft, as_of=timezone.now(), announcement=draft.announce
        )
        row = queries.row(obligation.pk, PointInTime(), reader=self.reader)
        return created_response(request, row, "id", warnings=_warnings(obligation))

    @extend_schema(parameters=filter_parameters(PointInTime), responses=ObligationRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one obligation with the progress of its components, now or at another time."""
        return row_response(
            queries.row(
                id, read_filter(request, PointInTime).pinned(timezone.now()), reader=self.reader
            )
        )

    @extend_schema(
        operation_id="obligations_consequences",
        parameters=filter_parameters(PointInTime),
        responses=ChainAnswer,
    )
    def consequences(self, request: Request, id: int) -> Response:
        """Show the chain of consequences: what the obligation remedies, and what its breach
        activates."""
        moment = read_filter(request, PointInTime).pinned(timezone.now())
        return row_response(consequences(id, moment, reader=self.reader))

    @extend_schema(
        request=changes_of(CorrectedObligationDraft),
        responses={200: SavedObligationRow, 202: ProposedRow},
    )
    def partial_update(self, request: Request, id: int) -> Response:
        """Correct an obligation. A corrected due rule moves its deadlines through the ledger.

        For a change that the parties agreed on, record an extension instead. A correction that
        makes a deadline unmet at once needs `"confirm": true`. If the agreement requires approval,
        one that ends, moves or weakens the obligation creates a proposal (202).
        """
        with transaction.atomic():
            obligation = visible_or_404(self.reader, Obligation.objects.all(), pk=id)
            # The same lock order as in the operations: the agreement before its contents.
            lock_agreement(obligation.agreement_id)
            stored = queries.row(id, PointInTime(), reader=self.reader)
            draft = updated_draft(request, CorrectedObligationDraft, stored)
            operations.update(
                obligation=obligation,
                draft=draft,
                as_of=timezone.now(),
                is_confirmed=draft.confirm,
            )
            warnings = _warnings(obligation)
        row = queries.row(id, PointInTime(), reader=self.reader)
        return row_response(None if row is None else {**row, "warnings": warnings})


def _warnings(obligation: Obligation) -> Sequence[str]:
    agreement = Agreement.objects.get(pk=obligation.agreement_id)
    dates = outlying_dates.warnings_about_obligations(agreement, obligation.ref)
    responsible = responsibilities.warnings_about(agreement, [obligation.ref])
    return [*dates.get(obligation.ref, ()), *responsible.get(obligation.ref, ())]
