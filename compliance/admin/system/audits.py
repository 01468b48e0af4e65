"""Audits of the alerts: whether every breach has its alerts."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.models import Audit

# The models that a problem can be about.
_LINKED_MODELS = frozenset({"breach", "alert", "message", "deadline"})


@admin.register(Audit)
class AuditAdmin(ReadOnlyAdmin):
    """All audits, newest first. Each checks that every breach has its alerts, and all are sent."""

    list_display = ("started", "result", "breaches", "alerts", "run_time")
    list_display_links = ("started",)
    fields = ("started", "run_time", "breaches", "alerts", "result", "problem_list")
    readonly_fields = ("started", "run_time", "result", "problem_list")

    @admin.display(description="Started", ordering="started_at")
    def started(self, audit: Audit) -> SafeString:
        """Return when the audit started."""
        return instants.utc_html(audit.started_at)

    @admin.display(description="Result")
    def result(self, audit: Audit) -> SafeString:
        """Return whether the audit found problems, and how many."""
        if not audit.problems:
            return badges.badge("clean")
        return badges.two_lines(badges.badge("failed"), f"{len(audit.problems)} problems")

    @admin.display(description="Problems")
    def problem_list(self, audit: Audit) -> SafeString | str:
        """Return each problem, with a link to the row that it is about."""
        if not audit.problems:
            return "Every breach has its alerts, and every alert was sent, is waiting or withdrawn."
        rows = ((_link(each["about"], each["id"]), each["detail"]) for each in audit.problems)
        lines = format_html_join("", "<li>{}: {}</li>", rows)
        return format_html('<ul class="pacta-problems">{}</ul>', lines)

    @admin.display(description="Run time")
    def run_time(self, audit: Audit) -> str:
        """Return how long the audit took."""
        return instants.run_time_text(audit.started_at, audit.ended_at)


def _link(model: str, row_id: int) -> SafeString:
    if model not in _LINKED_MODELS:
        return format_html("{} {}", model, row_id)
    url = urls.row_url(model, row_id)
    return format_html('<a class="pacta-link" href="{}">{} {}</a>', url, model.capitalize(), row_id)
