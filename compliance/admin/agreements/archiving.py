"""Forms that archive and restore agreements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest

from compliance.admin import fields
from compliance.admin.record_forms import AgreementRecordForm
from compliance.admin.visible import visible
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.domain.drafts import read
from compliance.domain.whole_numbers import whole_number
from compliance.models import Agreement, User
from compliance.operations.agreements import archiving


class ArchiveForm(AgreementRecordForm):
    """Archives an agreement."""

    heading = "Archive the agreement"
    advice = (
        "Lists, the home page, summaries and calendar feeds no longer show the agreement and "
        "its deadlines. Nobody is notified about it, and alerts that have not been sent yet "
        "are held back. Nothing is removed, and you can restore the agreement at any time."
    )
    success_message = "Agreement archived."
    submit = "Archive the agreement"

    reason = fields.text_field(required=True, help_text="Why it is archived.")

    def record(self, *, by: User, as_of: datetime) -> None:
        """Archive the agreement."""
        draft = read(ReasonDraft, {"reason": self.cleaned_data["reason"]})
        archiving.archive(agreement=self.agreement, reason=draft.reason, by=by, as_of=as_of)


class RestoreForm(AgreementRecordForm):
    """Restores an archived agreement."""

    heading = "Restore the agreement"
    advice = (
        "Lists show the agreement again. Recipients are notified once of what became unmet while "
        "it was archived; earlier notifications are not repeated."
    )
    success_message = "Agreement restored."
    submit = "Restore the agreement"

    reason = fields.text_field(required=True, help_text="Why it is restored.")

    def record(self, *, by: User, as_of: datetime) -> None:
        """Restore the agreement."""
        draft = read(ReasonDraft, {"reason": self.cleaned_data["reason"]})
        archiving.restore(agreement=self.agreement, reason=draft.reason, by=by, as_of=as_of)


def requires_perm_if_archived(perm: str, is_archived: bool) -> Callable[..., bool]:
    """Return a permission check that also requires an agreement that is, or is not, archived."""

    def has_permission(_: object, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(perm):
            return False
        pk = whole_number(unquote(str(object_id))) if object_id else None
        if pk is None:
            return True
        cache: dict[int, bool] = request.__dict__.setdefault("archived_cache", {})
        if pk not in cache:
            cache[pk] = visible(Agreement.objects.archived().filter(pk=pk), request).exists()
        return cache[pk] is is_archived

    return has_permission
