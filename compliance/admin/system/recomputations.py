"""The runs that work due dates out again, and what they moved."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from compliance.admin import moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import InlineFormSet, TabularInline
from compliance.models import Move, Recomputation


class MoveInline(TabularInline):
    """The deadlines that a run moved, or could not work out."""

    model = Move
    formset = InlineFormSet
    fields = ("deadline", "moved_from", "moved_to", "problem")
    readonly_fields = fields
    verbose_name_plural = "moved, or left as they were with a problem"
    hide_title = True
    can_delete = False
    extra = 0
    per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the deadlines themselves."""
        return super().get_queryset(request).select_related("deadline__obligation")

    @admin.display(description="From")
    def moved_from(self, move: Move) -> SafeString:
        """When it was due before."""
        return moments.utc(move.from_due_at, move.deadline.timezone)

    @admin.display(description="To")
    def moved_to(self, move: Move) -> SafeString:
        """When it is due now."""
        return moments.utc(move.to_due_at, move.deadline.timezone)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Whoever may see the run."""
        return bool(request.user.has_perm("compliance.view_recomputation"))


@admin.register(Recomputation)
class RecomputationAdmin(ReadOnlyAdmin):
    """Newest first. One runs when zone or holiday data changes, when one of the desk's calendars
    does, and each day for recurrences."""

    list_display = ("started", "examined", "moved", "failed", "data_version", "took")
    inlines = (MoveInline,)
    fields = (
        "as_of", "started_at", "ended_at", "data_version", "horizon", "examined", "moved", "failed",
    )  # fmt: skip

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: Recomputation) -> SafeString:
        """When it began."""
        return moments.utc(run.started_at)

    @admin.display(description="Took")
    def took(self, run: Recomputation) -> str:
        """How long it ran."""
        if run.ended_at is None:
            return "not ended"
        return f"{(run.ended_at - run.started_at).total_seconds():.2f} s"
