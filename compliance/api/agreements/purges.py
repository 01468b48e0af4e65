"""Purges of agreements."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.integrity.tombstones import TombstoneRow
from compliance.api.proposed import ProposedRow
from compliance.api.views import Views, read_body, row_response, user_of, visible_or_404
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.models import Agreement
from compliance.operations.integrity import purges
from compliance.queries.integrity import tombstones


class PurgeViews(Views):
    """Permanent removal of agreements, for administrators."""

    permission_models = (Agreement,)
    post_verb = "purge"

    @extend_schema(request=ReasonDraft, responses={200: TombstoneRow, 202: ProposedRow})
    def create(self, request: Request, ref: str) -> Response:
        """Remove an agreement and everything that belongs to it. This cannot be undone.

        If it requires approval, this creates a proposal (202).
        """
        tombstone = purges.purge_agreement(
            agreement=visible_or_404(self.reader, Agreement.objects.all(), ref=ref),
            reason=read_body(request, ReasonDraft).reason,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return row_response(tombstones.written(tombstone))
