"""Obligations across all agreements, to find and read; they are corrected on their agreement."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from compliance.admin import badges
from compliance.admin.agreements.agreements import ObligationInline
from compliance.admin.alerts.notification_policies import rungs_text
from compliance.admin.due_dates import previews
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import button
from compliance.models import Obligation
from compliance.queries.agreements import obligations
from compliance.queries.deadlines.deadlines import Moment

_VERBS = ("view", "add", "change")


@admin.register(Obligation)
class ObligationAdmin(ReadOnlyAdmin, HistoryAdmin):
    """A list to search, and a page to read."""

    list_display = ("name", "owing", "urgency", "clause", "owner")
    list_filter = ("severity", "agreement")
    search_fields = ("ref", "title", "tags", "owner", "agreement__ref", "agreement__title")
    ordering = ("agreement__ref", "id")
    has_correct_permission = right("compliance.change_agreement", "compliance.change_obligation")
    has_see_deadlines_permission = right("compliance.view_deadline")
    actions_detail = ("correct", "deadlines")
    fields = (
        "ref", "title", "agreement", "owing", "kind", "severity", "clause", "text", "due", "grace",
        "starts", "is_surviving", "tags", "owner", "parent", "roll_up", "stands", "chain",
        "target_quantity", "unit", "told",
    )  # fmt: skip
    readonly_fields = ("stands", "chain", "told")

    def get_urls(self) -> list[Any]:
        """With the preview of a due rule while it is typed."""
        view = self.admin_site.admin_view(self.preview)
        name = "compliance_obligation_preview"
        return [path("preview-due-rule/", view, name=name), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What a rule comes to that somebody is typing: a fragment of a page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not any(request.user.has_perm(f"compliance.{verb}_obligation") for verb in _VERBS):
            raise PermissionDenied
        return TemplateResponse(request, "admin/pacta/preview.html", previews.preview(request.POST))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With agreement and sides, whatever the number of rows."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.select_related("agreement", "parent").prefetch_related("sides__party")

    @admin.display(description="Obligation", ordering="ref")
    def name(self, obligation: Obligation) -> str:
        """The title, with the ref and the agreement below."""
        where = f"{obligation.ref} · {obligation.agreement.ref}"
        return badges.two_lines(obligation.title, where)

    @admin.display(description="Obligor → obligee")
    def owing(self, obligation: Obligation) -> str:
        """Who owes whom."""
        return badges.sides(obligation)

    @admin.display(description="Severity", ordering="severity")
    def urgency(self, obligation: Obligation) -> str:
        """How much missing it matters."""
        return badges.badge(obligation.severity)

    @admin.display(description="Components")
    def stands(self, obligation: Obligation) -> SafeString:
        """How it stands by its components, with each of them."""
        row = obligations.row(obligation.pk, Moment())
        components = row["components"] if row is not None else None
        if components is None:
            return mark_safe("None")
        lines: list[tuple[str, str]] = [(badges.badge(components["status"]), components["summary"])]
        for part in components["parts"]:
            status = badges.badge(part["status"]) if part["status"] else "-"
            lines.append((status, f"{part['ref']} {part['title']}"))
        return format_html_join(mark_safe("<br>"), "{} {}", lines)

    @admin.display(description="Consequences")
    def chain(self, obligation: Obligation) -> str:
        """What it is a remedy for, and what wakes when it is breached."""
        row = obligations.row(obligation.pk, Moment())
        if row is None:
            return ""
        told = [f"Remedy for {row['remedy_for']}."] if row["remedy_for"] else []
        if row["consequences"]:
            told.append(f"If it is breached, {', '.join(row['consequences'])} wakes.")
        return " ".join(told)

    @admin.display(description="Alert ladder")
    def told(self, obligation: Obligation) -> str:
        """When people are reminded of it, and told again of a miss."""
        ladder = obligation.ladder
        if ladder is None:
            return "As in the agreement"
        reminders, escalations = (
            rungs_text(ladder.get(name, ())) for name in ("reminders", "escalations")
        )
        return f"Days before: {reminders}. Days after a miss: {escalations}."

    @button(
        description="Correct in the agreement",
        url_path="correct",
        icon="edit",
        permissions=["correct"],
    )
    def correct(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the row of this obligation on its agreement's page."""
        obligation = get_object_or_404(Obligation, pk=object_id)
        before = Obligation.objects.filter(agreement=obligation.agreement_id, id__lt=obligation.pk)
        page = before.count() // ObligationInline.per_page + 1
        address = reverse("admin:compliance_agreement_change", args=[obligation.agreement_id])
        return HttpResponseRedirect(f"{address}?obligations-page={page}#obligations-heading")

    @button(
        description="Deadlines",
        url_path="deadlines",
        icon="event_upcoming",
        permissions=["see_deadlines"],
    )
    def deadlines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the deadlines of this obligation."""
        obligation = get_object_or_404(Obligation, pk=object_id)
        listing = reverse("admin:compliance_deadline_changelist")
        return HttpResponseRedirect(f"{listing}?obligation__id__exact={obligation.pk}")
