"""Proposals: changes that take effect once a second person approves them."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.permissions import ModelPermissions
from compliance.api.proposed import ProposalRow, ProposedRow
from compliance.api.views import (
    Views,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.drafts import Draft
from compliance.domain.fields import Flag, Text
from compliance.models import Proposal
from compliance.models.visibility import visible_to
from compliance.operations.agreements import proposals as operations
from compliance.operations.deadlines import effects
from compliance.queries.deadlines import proposals as queries


class Approval(Draft):
    """An approval. `confirm` confirms an effect that is worse than when it was proposed."""

    confirm: Flag = False


class Rejection(Draft):
    """A rejection. The reason is optional when you withdraw your own proposal."""

    reason: Text = ""


class ProposalViews(Views):
    """Changes that wait, or waited, for approval."""

    permission_models = (Proposal,)

    @extend_schema(**list_schema(queries.ProposalListing, ProposalRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List proposals, newest first."""
        listing = read_filter(request, queries.ProposalListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=ProposalRow)

    @extend_schema(responses=ProposalRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one proposal."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))


class MayDecide(BasePermission):
    """Requires that the operation would let this user approve, reject or withdraw the proposal."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Return whether the user may decide on the proposal. The body has not been read yet.

        Raises:
            PermissionDenied: they may not decide; the message gives the reason.
        """
        if request.method != "POST":
            return True
        found = visible_to(Proposal.objects.filter(pk=view.kwargs["id"]), view.reader)
        # One that does not exist for the user: their rights decide whether the view says so.
        proposal_id = found.values_list("pk", flat=True).first() or 0
        try:
            operations.check_may_decide(
                proposal_id=proposal_id,
                by=user_of(request),
                to_approve=view.action == "approve",
            )
        except operations.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        return True


class DecisionViews(Views):
    """Decisions on proposals: approve, reject or withdraw."""

    permission_models = ()
    permission_classes = [ModelPermissions, MayDecide]

    @extend_schema(request=Approval, responses={200: ProposedRow})
    def approve(self, request: Request, id: int) -> Response:
        """Approve a proposal of another person. The change is made and statuses follow.

        If its effect is no longer the one in `effect`, it needs `"confirm": true`.
        """
        proposal = visible_or_404(self.reader, Proposal.objects.all(), pk=id)
        approval = read_body(request, Approval)
        try:
            approved = operations.approve(
                proposal=proposal,
                by=user_of(request),
                as_of=timezone.now(),
                is_confirmed=approval.confirm,
            )
        except operations.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        row = queries.row(id, reader=self.reader)
        warnings = [] if approved.fact is None else effects.warnings_about(approved.fact)
        return row_response(None if row is None else {**row, "warnings": warnings})

    @extend_schema(request=Rejection, responses={200: ProposalRow})
    def reject(self, request: Request, id: int) -> Response:
        """Reject a proposal of another person with a reason, or withdraw your own."""
        proposal = visible_or_404(self.reader, Proposal.objects.all(), pk=id)
        rejection = read_body(request, Rejection)
        try:
            operations.reject(
                proposal=proposal,
                reason=rejection.reason,
                by=user_of(request),
                as_of=timezone.now(),
            )
        except operations.NotAllowed as error:
            raise PermissionDenied(str(error)) from None
        return row_response(queries.row(id, reader=self.reader))
