"""Runs of the sweep, which detects missed deadlines."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from compliance.admin import instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import SweepRun


@admin.register(SweepRun)
class SweepRunAdmin(ReadOnlyAdmin):
    """Sweep runs, newest first. Runs that changed nothing are deleted after two days."""

    list_display = ("started", "run_time", "settled", "breaches", "quarantined")
    fields = ("as_of", "started_at", "ended_at", "settled", "breaches", "quarantined")

    @admin.display(description="Started", ordering="started_at")
    def started(self, run: SweepRun) -> SafeString:
        """Return when the run started."""
        return instants.utc_html(run.started_at)

    @admin.display(description="Run time")
    def run_time(self, run: SweepRun) -> str:
        """Return how long the run took."""
        return instants.run_time_text(run.started_at, run.ended_at)
