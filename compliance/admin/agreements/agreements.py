"""Agreements, edited on one page with their parties, milestones and obligations."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, urls
from compliance.admin.agreement_status import OwnStatusFilter
from compliance.admin.agreements.agreement_form import AgreementForm
from compliance.admin.agreements.archiving import (
    ArchiveForm,
    RestoreForm,
    requires_perm_if_archived,
)
from compliance.admin.agreements.dates import in_force, signed
from compliance.admin.agreements.facts import (
    AgreementRetractionForm,
    AgreementSuspensionForm,
    TerminationForm,
)
from compliance.admin.agreements.milestones import MilestoneFormSet, MilestoneInline
from compliance.admin.agreements.obligation_forms import ObligationFormSet, ObligationInline
from compliance.admin.agreements.parties import MembershipFormSet, MembershipInline
from compliance.admin.agreements.posted_obligations import obligation_drafts_of, read_draft
from compliance.admin.agreements.purges import PurgeForm, effect_of
from compliance.admin.alerts import notification_policies as policies
from compliance.admin.due_dates.due_rules import rule_suggestions
from compliance.admin.formsets import is_below
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import OperationAdmin, without_empty
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.permissions import requires_perms
from compliance.admin.record_pages import RecordAdmin, RecordButton, record_page
from compliance.admin.searching import folded
from compliance.admin.theme import button
from compliance.admin.visible import reader
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.problems import Invalid, Problem
from compliance.domain.vocabulary import AgreementStatus, Announcement
from compliance.models import Agreement, Deadline, User
from compliance.operations.agreements import responsibilities, whole_agreements
from compliance.operations.deadlines import effects
from compliance.queries import agreement_statuses as statuses
from compliance.queries.deadlines import overview
from compliance.queries.deadlines.overview import Attention

_RECORD_FACT = ["view", "record_fact"]


@admin.register(Agreement)
class AgreementAdmin(OperationAdmin, RecordAdmin, HistoryAdmin):
    """Saves an agreement with its parties, milestones and obligations in one transaction."""

    form = AgreementForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/rule_suggestions.html"
    inlines = (MembershipInline, MilestoneInline, ObligationInline)
    list_display = (
        "title",
        "ref",
        "kind",
        "status",
        signed,
        in_force,
        "unmet",
        "all_deadlines",
    )
    list_filter = ("kind", OwnStatusFilter)
    search_fields = folded("ref", "title", "memberships__party__code", "memberships__party__name")
    show_full_result_count = False
    has_see_deadlines_permission = requires_perms("compliance.view_deadline")
    has_record_fact_permission = requires_perms("compliance.add_fact")
    has_purge_permission = requires_perms("compliance.purge_agreement")
    has_archive_permission = requires_perm_if_archived("compliance.change_agreement", False)
    has_restore_permission = requires_perm_if_archived("compliance.change_agreement", True)
    record_buttons = (
        RecordButton(
            name="suspend_agreement", label="Suspend agreement", icon="pause_circle",
            form_class=AgreementSuspensionForm, permissions=_RECORD_FACT,
        ),
        RecordButton(
            name="terminate_agreement", label="Terminate agreement", icon="cancel",
            form_class=TerminationForm, permissions=_RECORD_FACT,
        ),
        RecordButton(
            name="retract_agreement_fact", label="Retract suspension or termination", icon="undo",
            form_class=AgreementRetractionForm, permissions=_RECORD_FACT,
        ),
        RecordButton(
            name="archive_agreement", label="Archive agreement", icon="archive",
            form_class=ArchiveForm, permissions=["change", "archive"],
        ),
        RecordButton(
            name="restore_agreement", label="Restore agreement", icon="unarchive",
            form_class=RestoreForm, permissions=["change", "restore"],
        ),
        RecordButton(
            name="purge_agreement", label="Purge agreement", icon="delete_forever",
            form_class=PurgeForm, permissions=["view", "purge"],
        ),
    )  # fmt: skip
    actions_detail = (
        "deadlines",
        {
            "title": "More",
            "icon": "more_horiz",
            "items": [each.name for each in record_buttons],
        },
    )
    # Not `fieldsets`: a check of Django refuses `teams`, which it cannot save itself.
    _fieldsets = (
        (
            None,
            {
                "fields": (
                    ("ref", "kind"),
                    "title",
                    ("signed_on", "in_force_on", "ends_on"),
                    ("timezone", "calendars"),
                    "requires_approval",
                    (policies.REMINDERS, policies.ESCALATIONS),
                )
            },
        ),
    )

    class Media:
        js = ("pacta/agreement.js", "pacta/due_rules.js")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Render the page with the refs that the inputs of due rules suggest."""
        context = {**context, **rule_suggestions(kwargs.get("obj"))}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the agreements with the number of their deadlines."""
        found: QuerySet[Any] = super().get_queryset(request)
        now = timezone.now()
        unmet = overview.needing(
            Attention.UNMET, Deadline.objects.all(), reader=reader(request), as_of=now
        )
        counted: QuerySet[Any] = found.annotate(
            deadline_count=Count("deadlines", distinct=True),
            current_status=statuses.status_expression(as_of=now),
            unmet_count=Count("deadlines", distinct=True, filter=Q(deadlines__in=unmet)),
        )
        return counted

    @admin.display(description="Reminders")
    def notification_policy_reminders(self, agreement: Agreement) -> str:
        """Return the reminders, for users who may only view the agreement."""
        return policies.policy_text(agreement.notification_policy, "reminders", "default")

    @admin.display(description="Escalations")
    def notification_policy_escalations(self, agreement: Agreement) -> str:
        """Return the escalations, for users who may only view the agreement."""
        return policies.policy_text(agreement.notification_policy, "escalations", "default")

    @admin.display(description="Status", ordering="current_status")
    def status(self, agreement: Any) -> SafeString:
        """Return the status as a badge."""
        return badges.badge(agreement.current_status)

    @admin.display(description="Unmet", ordering="unmet_count")
    def unmet(self, agreement: Any) -> SafeString | str:
        """Return the number of unmet deadlines, with a link to them."""
        if not agreement.unmet_count:
            return "-"
        url = urls.deadlines_url(agreement_id=agreement.pk, attention=Attention.UNMET.value)
        return badges.linked(agreement.unmet_count, url)

    @admin.display(description="Deadlines", ordering="deadline_count")
    def all_deadlines(self, agreement: Any) -> SafeString:
        """Return the number of deadlines, with a link to them."""
        url = urls.deadlines_url(agreement_id=agreement.pk)
        return badges.linked(agreement.deadline_count, url)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Make the ref of an existing agreement read-only, because URLs and documents use it."""
        return ("ref", "status") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Show the status of an existing agreement."""
        [(name, options)] = self._fieldsets
        first, *others = options["fields"]
        # Here, because the admin's checks refuse many-to-many fields with a model of their own.
        others.insert(-1, ("visibility", "teams"))
        shown = (
            (("ref", "kind", "status"), *others, ("announcement", "confirm"))
            if obj
            else (first, *others, "announcement")
        )
        return ((name, {"fields": shown}),)

    @button(
        description="Deadlines",
        url_path="deadlines",
        icon="event_upcoming",
        permissions=["see_deadlines"],
    )
    def deadlines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to the deadlines of this agreement."""
        agreement = get_row_or_404(self, request, object_id, Agreement)
        is_archived = agreement.archived_at is not None
        status = AgreementStatus.ARCHIVED if is_archived else None
        return HttpResponseRedirect(
            urls.deadlines_url(agreement_id=agreement.pk, agreement_status=status)
        )

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page of a form that records a fact about the agreement."""
        agreement = get_row_or_404(self, request, object_id, Agreement)
        as_of = timezone.now()
        has_gone = form_class is PurgeForm and request.method == "POST"
        return record_page(
            request,
            form_class(request.POST or None, agreement=agreement, as_of=as_of),
            as_of=as_of,
            back=urls.list_url("agreement") if has_gone else urls.agreement_url(agreement.pk),
            context={
                **page_context(self, request, agreement),
                "subtitle": agreement.title,
                "subject": agreement.title,
                "effect": effect_of(form_class, agreement),
                "back_to": "the agreement",
            },
        )

    def form_problems(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """Return the problems that are not about a party, milestone or obligation."""
        rows = ("parties", "milestones", "obligations")
        return [
            problem for problem in problems if not any(is_below(problem, path) for path in rows)
        ]

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Store the agreement, its parties and milestones, and new and changed obligations."""
        agreement = existing if isinstance(existing, Agreement) else None
        values = without_empty(policies.with_policy(dict(form.cleaned_data)))
        is_confirmed = bool(values.pop("confirm", False))
        announcement = Announcement(values.pop("announcement", Announcement.SUMMARY))
        if agreement is not None:
            values["ref"] = agreement.ref
        problems: list[Problem] = []
        obligation_drafts: dict[str, ObligationDraft] = {}
        for formset in formsets:
            if isinstance(formset, MembershipFormSet):
                values["parties"] = formset.draft_rows()
            elif isinstance(formset, MilestoneFormSet):
                values["milestones"] = formset.draft_rows()
            elif isinstance(formset, ObligationFormSet):
                obligation_drafts = obligation_drafts_of(formset, agreement, problems)
        draft = read_draft(AgreementDraft, values, "", problems)
        if problems or draft is None:
            raise Invalid(problems)
        now = timezone.now()
        stored = whole_agreements.save_whole(
            agreement=agreement,
            draft=draft,
            obligation_drafts=obligation_drafts,
            as_of=now,
            by=request.user if isinstance(request.user, User) else None,
            is_confirmed=is_confirmed,
            announcement=announcement,
        )
        refs = [each.ref for each in obligation_drafts.values()]
        for warning in (
            *effects.warnings_about_dates(stored, as_of=now),
            *chain.from_iterable(responsibilities.warnings_about(stored, refs).values()),
        ):
            messages.warning(request, warning)
        return stored
