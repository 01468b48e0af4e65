"""The audit log: who did what, when, from where and why."""

from __future__ import annotations

from typing import Any

import pghistory.models
from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.searching import folded
from compliance.domain.phrases import label
from compliance.models import AuditEntry
from compliance.queries.system import audit_log


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """All entries, newest first."""

    list_display = ("when", "actor", "action", "kind_label", "object_id", "address")
    list_filter = ("action", "kind")
    list_select_related = ("actor",)
    search_fields = folded("actor__email", "address", "request_id")
    ordering = ("-id",)
    fields = ("when", "actor", "action", "kind_label", "object_id", "address", "request_id",
              "reason", "values")  # fmt: skip
    readonly_fields = ("when", "kind_label", "reason", "values")
    when = instants.utc_column("at", "When")

    @admin.display(description="Kind", ordering="kind")
    def kind_label(self, entry: AuditEntry) -> str:
        """Return what was changed, in words."""
        return label(entry.kind)

    @admin.display(description="Reason")
    def reason(self, entry: AuditEntry) -> str:
        """Return the reason that was given."""
        contexts: Any = pghistory.models.Context.objects
        context = contexts.filter(pk=entry.context_id).first()
        return str((context and context.metadata.get("reason")) or "-")

    @admin.display(description="Changes")
    def values(self, entry: AuditEntry) -> SafeString:
        """Return each changed field with its value before and after."""
        row = audit_log.row(entry.pk)
        changes = format_html_join(
            "",
            "<div>{}: <del>{}</del> → <ins>{}</ins></div>",
            ((name, each["before"], each["after"]) for name, each in row["changes"].items()),
        )
        details = format_html_join("", "<div>{}: {}</div>", sorted(row["details"].items()))
        return format_html("{}{}", changes, details)
