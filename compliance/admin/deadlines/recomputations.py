"""Recomputations of due dates, and the deadlines that they moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import InlineFormSet, TabularInline
from compliance.models import Deadline, Move, Recomputation

_SHOWN_MOVES = 10


class MoveInline(TabularInline):
    """The deadlines that a recomputation moved or failed to compute."""

    model = Move
    formset = InlineFormSet
    fields = ("deadline", "moved_from", "moved_to", "problem")
    readonly_fields = fields
    verbose_name_plural = "moved due dates and problems"
    hide_title = True
    can_delete = False
    extra = 0
    per_page = 100

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with their deadlines."""
        return super().get_queryset(request).select_related("deadline__obligation")

    @admin.display(description="From")
    def moved_from(self, move: Move) -> SafeString:
        """Return the previous due instant."""
        return instants.utc_html(move.from_due_at, move.deadline.timezone)

    @admin.display(description="To")
    def moved_to(self, move: Move) -> SafeString:
        """Return the new due instant."""
        return instants.utc_html(move.to_due_at, move.deadline.timezone)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not added here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: rows are not edited here."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return whether the user may view recomputations."""
        return bool(request.user.has_perm("compliance.view_recomputation"))


@admin.register(Recomputation)
class RecomputationAdmin(ReadOnlyAdmin):
    """All recomputations, newest first.

    One runs when time zone or holiday data or a custom calendar changes, and one runs every day
    to create the next deadlines of recurring obligations.
    """

    list_display = ("started", "examined", "moved", "failed", "data_version", "run_time")
    inlines = (MoveInline,)
    fields = (
        "as_of", "started_at", "ended_at", "data_version", "horizon", "examined", "moved", "failed",
    )  # fmt: skip

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: Recomputation) -> SafeString:
        """Return when the recomputation started."""
        return instants.utc_html(run.started_at)

    @admin.display(description="Run time")
    def run_time(self, run: Recomputation) -> str:
        """Return how long the recomputation took."""
        return instants.run_time_text(run.started_at, run.ended_at)


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveRow:
    """A move of the due date, or a failure to compute it, on the page of a deadline."""

    move: Move
    ended: SafeString
    from_due: SafeString
    to_due: SafeString


def move_rows(deadline: Deadline) -> list[MoveRow]:
    """Return the latest moves of a deadline's due date, newest first."""
    moves = Move.objects.filter(deadline=deadline).select_related("recomputation").order_by("-id")
    zone = deadline.timezone
    return [
        MoveRow(
            move=move,
            ended=instants.utc_html(
                move.recomputation.ended_at or move.recomputation.started_at, zone
            ),
            from_due=instants.utc_html(move.from_due_at, zone),
            to_due=instants.utc_html(move.to_due_at, zone),
        )
        for move in moves[:_SHOWN_MOVES]
    ]
