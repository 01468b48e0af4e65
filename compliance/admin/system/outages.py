"""Outages: periods in which a part of the service did not work."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, instants
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Outage
from compliance.operations.system.outages import PARTS


@admin.register(Outage)
class OutageAdmin(ReadOnlyAdmin):
    """All outages, newest first.

    The web process records when a part of the service stops and when it works again, and emails
    the administrators both times.
    """

    list_display = ("part", "state", "began", "ended", "duration")
    list_filter = ("part", ("ended_at", admin.EmptyFieldListFilter))
    fields = ("part", "meaning", "state", "began", "administrators_notified", "ended", "duration")
    readonly_fields = (
        "meaning", "state", "began", "administrators_notified", "ended", "duration",
    )  # fmt: skip
    began = instants.utc_column("began_at", "Began")
    administrators_notified = instants.utc_column("notified_at", "Administrators notified")
    ended = instants.utc_column("ended_at", "Ended")

    @admin.display(description="Effect")
    def meaning(self, outage: Outage) -> str:
        """Return what the outage means for users."""
        return PARTS.get(outage.part, "-")

    @admin.display(description="State", ordering="ended_at")
    def state(self, outage: Outage) -> SafeString:
        """Return whether the outage is open."""
        return badges.badge("open" if outage.ended_at is None else "ended")

    @admin.display(description="Duration")
    def duration(self, outage: Outage) -> str:
        """Return the duration of the outage, which is still growing if it is open."""
        return instants.duration_text(outage.ended_at or timezone.now(), outage.began_at)
