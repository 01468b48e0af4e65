"""The list of deadlines, and the page of each deadline with the buttons that record facts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import badges, instants, urls
from compliance.admin.agreement_status import AgreementStatusFilter
from compliance.admin.deadlines.breaches import acknowledgement_page
from compliance.admin.deadlines.deadline_page import deadline_page
from compliance.admin.deadlines.ordering import NullsLast
from compliance.admin.deadlines.permissions import (
    is_achieve,
    is_ceiling,
    requires_perm_and,
    waits_for_event,
)
from compliance.admin.deadlines.record_buttons import RECORD_BUTTONS
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.record_pages import (
    RecordAdmin,
    deadline_context,
    record_page,
    status_sentence,
)
from compliance.admin.responsible import ResponsibleOfDeadlineFilter
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.admin.visible import AgreementFilter, reader
from compliance.domain.civil_time import zone_label
from compliance.domain.deadlines.timeline import BREACHED
from compliance.models import Deadline
from compliance.queries.deadlines import overview
from compliance.queries.deadlines.overview import Attention

_BREACHED = tuple(status.value for status in BREACHED)


class AttentionFilter(admin.SimpleListFilter):
    """Filters the deadlines that the overview and the list of agreements count."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides "All"."""
        return [(each.value, _ATTENTION[each]) for each in Attention]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the filtered rows."""
        wanted = [each for each in Attention if each.value == self.value()]
        for attention in wanted:
            queryset = overview.needing(
                attention, queryset, reader=reader(request), as_of=timezone.now()
            )
        return queryset


_ATTENTION = {
    Attention.UNMET: "unmet or partly met",
    Attention.DUE_SOON: f"due in the next {overview.AHEAD.days} days",
    Attention.MINE: "mine, and unmet or due in the next 30 days",
    Attention.QUARANTINED: "quarantined with an error",
    Attention.NOT_RECOMPUTED: "could not be recomputed",
}


@admin.register(Deadline)
class DeadlineAdmin(ReadOnlyAdmin, RecordAdmin):
    """Deadlines are read-only. They change only through what is recorded about them."""

    list_display = (
        "title_and_ref", "status_and_lateness", "due", "obligors_and_obligees", "severity_badge",
    )  # fmt: skip
    list_display_links = ("title_and_ref",)
    list_filter = (
        "status", "is_closed", "obligation__severity", "obligation__kind", "is_disputed",
        "is_ambiguous", ResponsibleOfDeadlineFilter, AttentionFilter, AgreementStatusFilter,
        ("agreement", AgreementFilter),
    )  # fmt: skip
    search_fields = folded(
        "obligation__ref",
        "obligation__title",
        "agreement__ref",
        "agreement__title",
        "obligation__sides__party__code",
        "obligation__sides__party__name",
        "obligation__tags",
    )
    ordering = overview.URGENCY
    list_per_page = 50
    fields = ("obligation",)
    change_form_template = "admin/pacta/deadline.html"
    has_record_fact_permission = requires_perms("compliance.add_fact")
    has_state_position_permission = requires_perms("compliance.add_position")
    has_add_evidence_permission = requires_perms("compliance.add_evidence")
    has_record_performance_permission = requires_perm_and(
        "compliance.add_fact", lambda deadline: is_achieve(deadline) and not is_ceiling(deadline)
    )
    has_record_measurement_permission = requires_perm_and(
        "compliance.add_fact", lambda deadline: deadline.obligation.target_quantity is not None
    )
    has_record_violation_permission = requires_perm_and(
        "compliance.add_fact", lambda deadline: not is_achieve(deadline)
    )
    has_record_trigger_permission = requires_perm_and("compliance.add_fact", waits_for_event)
    has_restate_target_permission = requires_perm_and(
        "compliance.add_fact", lambda deadline: deadline.obligation.target_quantity is not None
    )
    has_acknowledge_permission = requires_perm_and(
        "compliance.add_breach",
        lambda deadline: deadline.status in _BREACHED and not deadline.is_closed,
    )
    has_silence_permission = requires_perms("compliance.add_silence")
    record_buttons = RECORD_BUTTONS
    actions_detail = (
        "acknowledge",
        *(each.name for each in record_buttons[:5]),
        {
            "title": "More",
            "icon": "more_horiz",
            "items": [*(each.name for each in record_buttons[5:]), "silence"],
        },
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with everything that the list shows, in a fixed number of queries."""
        return overview.prefetch_parties(super().get_queryset(request))

    @admin.display(description="Obligation", ordering="obligation__ref")
    def title_and_ref(self, deadline: Deadline) -> SafeString:
        """Return the title, with the refs of obligation and agreement below it."""
        obligation = deadline.obligation
        return badges.two_lines(obligation.title, f"{obligation.ref} · {deadline.agreement.ref}")

    @admin.display(description="Status", ordering="status")
    def status_and_lateness(self, deadline: Deadline) -> SafeString:
        """Return the status, with the lateness below it."""
        lateness = badges.lateness(deadline, timezone.now())
        return badges.two_lines(badges.status_badges(deadline), lateness)

    @admin.display(description="Due", ordering=NullsLast("due_at"))
    def due(self, deadline: Deadline) -> SafeString:
        """Return the due date in the deadline's zone, with the instant in UTC below it."""
        day = instants.due_text(deadline)
        if deadline.due_at is None:
            return badges.two_lines(day, "")
        local = format_html(
            '{} <span class="pacta-quiet">{}</span>', day, zone_label(deadline.timezone)
        )
        return badges.two_lines(local, instants.utc_html(deadline.due_at, deadline.timezone))

    @admin.display(description="Obligor → obligee")
    def obligors_and_obligees(self, deadline: Deadline) -> SafeString:
        """Return the obligors and obligees."""
        return badges.parties_html(deadline.obligation, obligor_id=deadline.party_id)

    @admin.display(description="Severity", ordering="obligation__severity")
    def severity_badge(self, deadline: Deadline) -> SafeString:
        """Return the severity as a badge."""
        return badges.badge(deadline.obligation.severity)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Render the page of one deadline."""
        deadline = kwargs["obj"]
        context["page"] = deadline_page(deadline, request, as_of=timezone.now())
        context["title"] = str(deadline.obligation)
        context["subtitle"] = None
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Redirect to the ledger, which is the history of a deadline."""
        deadline = get_row_or_404(self, request, object_id, Deadline)
        return HttpResponseRedirect(urls.ledger_url(deadline.pk))

    @button(
        description="Acknowledge",
        url_path="acknowledge",
        icon="front_hand",
        permissions=["view", "acknowledge"],
    )
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the form that acknowledges the open breach."""
        deadline = get_row_or_404(self, request, object_id, Deadline)
        back = urls.deadline_url(deadline.pk)
        breach = deadline.breaches.filter(ended_at__isnull=True).first()
        if breach is None:
            messages.error(request, "This deadline has no open breach to acknowledge.")
            return HttpResponseRedirect(back)
        return acknowledgement_page(
            request,
            breach,
            back=back,
            back_to="the deadline",
            context=page_context(self, request),
        )

    @button(
        description="Silence",
        url_path="silence",
        icon="notifications_paused",
        permissions=["view", "silence"],
    )
    def silence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the form that silences the deadline."""
        deadline = get_row_or_404(self, request, object_id, Deadline)
        return HttpResponseRedirect(urls.add_silence_url(deadline.pk))

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page of a form that records something about the deadline."""
        deadline = get_row_or_404(self, request, object_id, Deadline)
        as_of = timezone.now()
        return record_page(
            request,
            form_class(request.POST or None, deadline=deadline, as_of=as_of),
            as_of=as_of,
            back=urls.deadline_url(deadline.pk),
            outcome=lambda: status_sentence(deadline),
            context={
                **page_context(self, request, deadline),
                **deadline_context(deadline),
                "back_to": "the deadline",
            },
        )
