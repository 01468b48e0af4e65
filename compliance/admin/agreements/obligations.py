"""Obligations of all agreements. They are changed on the page of their agreement."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from compliance.admin import badges, responsible_fields, urls
from compliance.admin.agreements.obligation_forms import ObligationInline
from compliance.admin.alerts.notification_policies import steps_text
from compliance.admin.due_dates import previews
from compliance.admin.due_dates.rule_values import described
from compliance.admin.history import HistoryAdmin
from compliance.admin.pages import get_row_or_404
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.responsible import ResponsibleFilter
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.admin.visible import AgreementFilter, reader
from compliance.domain.phrases import counted, label
from compliance.models import Obligation
from compliance.models.people.readers import current_reader
from compliance.queries.agreements import obligations
from compliance.queries.point_in_time import PointInTime

_VERBS = ("view", "add", "change")


@admin.register(Obligation)
class ObligationAdmin(ReadOnlyAdmin, HistoryAdmin):
    """A searchable list, and a read-only page for each obligation."""

    list_display = (
        "title_and_ref",
        "obligors_and_obligees",
        "severity_badge",
        "clause",
        "responsible",
    )
    list_filter = (ResponsibleFilter, "severity", ("agreement", AgreementFilter))
    search_fields = folded(
        "ref", "title", "tags", "responsibilities__user__email", "responsibilities__team__slug",
        "responsibilities__address", "agreement__ref", "agreement__title",
    )  # fmt: skip
    ordering = ("agreement__ref", "id")
    has_change_in_agreement_permission = requires_perms(
        "compliance.change_agreement", "compliance.change_obligation"
    )
    has_see_deadlines_permission = requires_perms("compliance.view_deadline")
    actions_detail = ("change_in_agreement", "deadlines")
    fields = (
        "ref", "title", "agreement", "obligors_and_obligees", "kind", "severity", "clause", "text",
        "due_rule", "grace_period", "binds_on", "period_start", "survives_termination", "tags",
        "responsible", "parent", "roll_up", "components", "consequences", "target_bound",
        "target_quantity", "unit", "policy",
    )  # fmt: skip
    readonly_fields = (
        "due_rule", "grace_period", "period_start", "responsible", "components", "consequences",
        "policy",
    )  # fmt: skip

    def get_urls(self) -> list[Any]:
        """Return the URLs, with those that forms call while people type."""
        preview = self.admin_site.admin_view(self.preview_due_rule)
        choices = self.admin_site.admin_view(responsible_fields.choices_response)
        return [
            path("preview-due-rule/", preview, name="compliance_obligation_preview"),
            path("responsible/", choices, name="compliance_obligation_responsible"),
            *super().get_urls(),
        ]

    def preview_due_rule(self, request: HttpRequest) -> HttpResponse:
        """Return an HTML fragment with the due dates of the posted rule."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not any(request.user.has_perm(f"compliance.{verb}_obligation") for verb in _VERBS):
            raise PermissionDenied
        context = previews.preview_context(request.POST, reader=reader(request))
        return TemplateResponse(request, "admin/pacta/rule_preview.html", context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with agreement and parties, in a fixed number of queries."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.select_related("agreement", "parent").prefetch_related(
            "sides__party", "responsibilities__user", "responsibilities__team"
        )

    @admin.display(description="Obligation", ordering="ref")
    def title_and_ref(self, obligation: Obligation) -> str:
        """Return the title, with the refs of obligation and agreement below it."""
        refs = f"{obligation.ref} · {obligation.agreement.ref}"
        return badges.two_lines(obligation.title, refs)

    @admin.display(description="Obligor → obligee")
    def obligors_and_obligees(self, obligation: Obligation) -> str:
        """Return the obligors and obligees."""
        return badges.parties_html(obligation)

    @admin.display(description="Responsible")
    def responsible(self, obligation: Obligation) -> str:
        """Return the users and teams that are responsible for it."""
        return ", ".join(each.name for each in obligation.responsibilities.all())

    @admin.display(description="Severity", ordering="severity")
    def severity_badge(self, obligation: Obligation) -> str:
        """Return the severity as a badge."""
        return badges.badge(obligation.severity)

    @admin.display(description="Due")
    def due_rule(self, obligation: Obligation) -> SafeString | str:
        """Return the due rule, with the labels of the form in which it is entered."""
        return described(obligation.due) if obligation.due else "never"

    @admin.display(description="Period starts")
    def period_start(self, obligation: Obligation) -> SafeString | str:
        """Return the rule for the start of the period, as the due rule is shown."""
        return described(obligation.starts, label="Starts") if obligation.starts else "-"

    @admin.display(description="Grace")
    def grace_period(self, obligation: Obligation) -> str:
        """Return the grace period."""
        grace = obligation.grace
        if not grace:
            return "none"
        unit = label(grace["unit"])
        return counted(grace["count"], unit.removesuffix("s"))

    @admin.display(description="Components")
    def components(self, obligation: Obligation) -> SafeString:
        """Return the status derived from its components, and the status of each of them."""
        row = obligations.row(obligation.pk, PointInTime(), reader=current_reader())
        components = row["components"] if row is not None else None
        if components is None:
            return mark_safe("None")
        lines: list[tuple[str, str]] = [(badges.badge(components["status"]), components["summary"])]
        for part in components["parts"]:
            status = badges.badge(part["status"]) if part["status"] else "-"
            lines.append((status, f"{part['ref']} {part['title']}"))
        return format_html_join(mark_safe("<br>"), "{} {}", lines)

    @admin.display(description="Consequences")
    def consequences(self, obligation: Obligation) -> str:
        """Return which obligation it remedies, and which ones its breach triggers."""
        row = obligations.row(obligation.pk, PointInTime(), reader=current_reader())
        if row is None:
            return ""
        sentences = [f"Remedy for {row['remedy_for']}."] if row["remedy_for"] else []
        if row["consequences"]:
            sentences.append(f"If it is breached, this triggers {', '.join(row['consequences'])}.")
        return " ".join(sentences)

    @admin.display(description="Notification policy")
    def policy(self, obligation: Obligation) -> str:
        """Return when reminders and escalations are sent."""
        policy = obligation.notification_policy
        if policy is None:
            return "As in the agreement"
        reminders, escalations = (
            steps_text(policy.get(name, ())) for name in ("reminders", "escalations")
        )
        return f"Reminders (days before): {reminders}. Escalations (days after): {escalations}."

    @button(
        description="Edit in the agreement",
        url_path="change-in-agreement",
        icon="edit",
        permissions=["change_in_agreement"],
    )
    def change_in_agreement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the page of the agreement on which this obligation is edited."""
        obligation = get_row_or_404(self, request, object_id, Obligation)
        before = Obligation.objects.filter(agreement=obligation.agreement_id, id__lt=obligation.pk)
        page = before.count() // ObligationInline.per_page + 1
        return HttpResponseRedirect(urls.obligation_row_url(obligation.agreement_id, page))

    @button(
        description="Deadlines",
        url_path="deadlines",
        icon="event_upcoming",
        permissions=["see_deadlines"],
    )
    def deadlines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the deadlines of this obligation."""
        obligation = get_row_or_404(self, request, object_id, Obligation)
        return HttpResponseRedirect(urls.deadlines_url(obligation_id=obligation.pk))
