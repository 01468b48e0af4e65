"""Imports of documents, and the form that purges what one of them created."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from compliance.admin import fields, instants, urls
from compliance.admin.agreement_status import AgreementStatusFilter
from compliance.admin.pages import get_row_or_404, page_context, rows_text
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_forms import AgreementRecordForm
from compliance.admin.record_pages import RecordAdmin, RecordButton, record_page
from compliance.admin.searching import folded
from compliance.admin.visible import AgreementFilter
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.domain.drafts import read
from compliance.domain.phrases import counted
from compliance.models import ImportBatch, User
from compliance.operations.agreements import import_purges


class ImportPurgeForm(AgreementRecordForm):
    """Removes what an import created permanently."""

    heading = "Purge the import"
    advice = (
        "Everything that the import created is removed permanently, and the ledgers are "
        "rewritten as if it had never happened. Its corrections are undone, unless the same "
        "values have been corrected again since. Parties, visibility and responsibilities stay "
        "as they are. A tombstone keeps the reason, your name and the hashes of what was "
        "removed. This cannot be undone."
    )
    success_message = "Import purged."
    submit = "Purge the import permanently"
    is_destructive = True

    reason = fields.text_field(
        required=True, help_text="Why it is purged. This is kept in the tombstone."
    )

    def __init__(self, *args: Any, batch: ImportBatch, as_of: datetime, **kwargs: Any) -> None:
        super().__init__(*args, agreement=batch.agreement, as_of=as_of, **kwargs)
        self.batch = batch

    def record(self, *, by: User, as_of: datetime) -> None:
        """Purge the import."""
        draft = read(ReasonDraft, {"reason": self.cleaned_data["reason"]})
        import_purges.purge_import(batch=self.batch, reason=draft.reason, by=by, as_of=as_of)


@admin.register(ImportBatch)
class ImportBatchAdmin(ReadOnlyAdmin, RecordAdmin):
    """All imports that stored something, newest first."""

    list_display = ("agreement", "source_name", "mode", "imported", "imported_by", "stored")
    list_filter = ("mode", AgreementStatusFilter, ("agreement", AgreementFilter))
    list_select_related = ("agreement", "imported_by")
    search_fields = folded(
        "source_name", "agreement__ref", "agreement__title", "imported_by__email"
    )
    ordering = ("-id",)
    fields = (
        "agreement", "is_new_agreement", "source_name", "mode", "imported", "imported_by", "stored",
    )  # fmt: skip
    readonly_fields = ("imported", "stored")
    has_purge_permission = requires_perms("compliance.purge_importbatch")
    record_buttons = (
        RecordButton(
            name="purge_import", label="Purge import", icon="delete_forever",
            form_class=ImportPurgeForm, permissions=["view", "purge"],
        ),
    )  # fmt: skip
    actions_detail = ("purge_import",)
    imported = instants.utc_column("imported_at", "Imported")

    @admin.display(description="Stored")
    def stored(self, batch: ImportBatch) -> SafeString:
        """Return the number of stored rows by kind."""
        counts = [(name, count) for name, count in batch.counts.items() if count]
        return format_html_join("", "<div>{}: {}</div>", counts)

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page that purges the import."""
        batch = get_row_or_404(self, request, object_id, ImportBatch)
        as_of = timezone.now()
        return record_page(
            request,
            form_class(request.POST or None, batch=batch, as_of=as_of),
            as_of=as_of,
            back=urls.list_url("importbatch")
            if request.method == "POST"
            else urls.row_url("importbatch", batch.pk),
            context={
                **page_context(self, request, batch),
                "subtitle": str(batch),
                "subject": str(batch),
                "effect": effect_of(batch),
                "back_to": "the import",
            },
        )


def effect_of(batch: ImportBatch) -> str:
    """Return a sentence that states what a purge of an import removes, with numbers."""
    listed = rows_text(import_purges.counts_of(batch))
    sentence = f"To be removed: {listed or 'only the record of the import'}."
    if corrections := batch.counts.get("corrections"):
        values = counted(corrections, "value")
        sentence += (
            f" It also corrected {values}. Its corrections to the terms of the agreement and its "
            "obligations are undone."
        )
    return sentence
