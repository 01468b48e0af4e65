"""The runs of the sweep: whether it is alive, and what it found."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from compliance.admin import moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import SweepRun


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    """Newest first. Runs that found nothing to do are cleared after two days."""

    list_display = ("started", "took", "settled", "breaches", "set_aside")
    fields = ("as_of", "started_at", "ended_at", "settled", "breaches", "set_aside")

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: SweepRun) -> SafeString:
        """When it began."""
        return moments.utc(run.started_at)

    @admin.display(description="Took")
    def took(self, run: SweepRun) -> str:
        """How long it ran."""
        if run.ended_at is None:
            return "not ended"
        return f"{(run.ended_at - run.started_at).total_seconds():.2f} s"
