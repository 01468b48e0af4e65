"""The watchman watched: audits of the alerts, and outages of the service."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Audit, Outage
from compliance.operations.system.outages import PARTS


@admin.register(Audit)
class AuditAdmin(ReadOnlyAdmin):
    """Newest first. Each asks whether every breach has its alerts, and every alert its end."""

    list_display = ("started", "came_to", "breaches", "alerts", "took")
    list_display_links = ("started",)
    fields = ("started", "took", "breaches", "alerts", "came_to", "found")
    readonly_fields = ("started", "took", "came_to", "found")

    @admin.display(description="Started", ordering="started_at")
    def started(self, audit: Audit) -> SafeString:
        """When it began."""
        return moments.utc(audit.started_at)

    @admin.display(description="Result")
    def came_to(self, audit: Audit) -> SafeString:
        """Whether anything was wrong, and how much."""
        if not audit.problems:
            return badges.badge("clean")
        return badges.two_lines(badges.badge("failed"), f"{len(audit.problems)} problems")

    @admin.display(description="Found")
    def found(self, audit: Audit) -> SafeString | str:
        """Each problem, with the way to what it speaks of."""
        if not audit.problems:
            return "Every breach has its alerts, and every alert its end."
        rows = ((_about(each["about"], each["id"]), each["detail"]) for each in audit.problems)
        lines = format_html_join("", "<li>{}: {}</li>", rows)
        return format_html('<ul class="pacta-problems">{}</ul>', lines)

    @admin.display(description="Took")
    def took(self, audit: Audit) -> str:
        """How long it ran."""
        return f"{(audit.ended_at - audit.started_at).total_seconds():.2f} s"


# What an audit can speak of.
_ABOUT = frozenset({"breach", "alert", "message", "deadline"})


def _about(model: str, pk: int) -> SafeString:
    if model not in _ABOUT:
        return format_html("{} {}", model, pk)
    address = reverse(f"admin:compliance_{model}_change", args=[pk])
    return format_html('<a class="pacta-link" href="{}">{} {}</a>', address, model.capitalize(), pk)


@admin.register(Outage)
class OutageAdmin(ReadOnlyAdmin):
    """Newest first. The web process notes when a part of the service stops, and when it works
    again, and mails the administrators both times."""

    list_display = ("part", "standing", "began", "ended", "length")
    list_filter = ("part", ("ended_at", admin.EmptyFieldListFilter))
    fields = ("part", "means", "standing", "began", "told", "ended", "length")
    readonly_fields = ("means", "standing", "began", "told", "ended", "length")

    @admin.display(description="That means")
    def means(self, outage: Outage) -> str:
        """What it means for those who rely on it."""
        return PARTS.get(outage.part, "-")

    @admin.display(description="State", ordering="ended_at")
    def standing(self, outage: Outage) -> SafeString:
        """Whether it goes on."""
        return badges.badge("open" if outage.ended_at is None else "ended")

    @admin.display(description="Began", ordering="began_at")
    def began(self, outage: Outage) -> SafeString:
        """When it was seen first."""
        return moments.utc(outage.began_at)

    @admin.display(description="Administrators told", ordering="told_at")
    def told(self, outage: Outage) -> SafeString:
        """When the administrators were mailed."""
        return moments.utc(outage.told_at)

    @admin.display(description="Ended", ordering="ended_at")
    def ended(self, outage: Outage) -> SafeString:
        """When the part worked again."""
        return moments.utc(outage.ended_at)

    @admin.display(description="Length")
    def length(self, outage: Outage) -> str:
        """How long it lasted, or has lasted."""
        return moments.distance(outage.ended_at or timezone.now(), outage.began_at)
