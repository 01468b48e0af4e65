"""Archiving of agreements, which can be reversed."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.agreements.agreements import AgreementRow
from compliance.api.proposed import ProposedRow
from compliance.api.views import Views, read_body, row_response, user_of, visible_or_404
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.models import Agreement
from compliance.operations.agreements import archiving
from compliance.queries.agreements import agreements as queries
from compliance.queries.point_in_time import PointInTime


class ArchiveViews(Views):
    """Archiving of agreements, which can be reversed."""

    permission_models = (Agreement,)
    post_verb = "change"

    @extend_schema(request=ReasonDraft, responses={200: AgreementRow, 202: ProposedRow})
    def archive(self, request: Request, ref: str) -> Response:
        """Hide an agreement from lists and feeds, and hold back all alerts about it.

        If it requires approval, this creates a proposal (202).
        """
        return self._act(request, ref, archiving.archive)

    @extend_schema(request=ReasonDraft, responses=AgreementRow)
    def restore(self, request: Request, ref: str) -> Response:
        """Show an archived agreement again. Alerts that are still true are sent."""
        return self._act(request, ref, archiving.restore)

    def _act(self, request: Request, ref: str, action: Callable[..., Agreement]) -> Response:
        agreement = visible_or_404(self.reader, Agreement.objects.all(), ref=ref)
        now = timezone.now()
        draft = read_body(request, ReasonDraft)
        action(agreement=agreement, reason=draft.reason, by=user_of(request), as_of=now)
        return row_response(queries.row(ref, PointInTime(), now=now, reader=self.reader))
