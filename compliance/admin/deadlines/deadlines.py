"""Deadlines: the list the desk works from, and the page from which facts are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import F, OrderBy, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from compliance.admin import badges, moments
from compliance.admin.answering import answer
from compliance.admin.deadlines import breaches, recording
from compliance.admin.deadlines.deadline_page import page_of
from compliance.admin.permissions import right
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.theme import button
from compliance.domain.deadlines.timeline import BREACHED
from compliance.domain.vocabulary import ObligationKind, Status
from compliance.models import Deadline
from compliance.queries.deadlines import overview as desk

_RECORD_FACT = ["view", "record_fact"]
_BREACHED = tuple(status.value for status in BREACHED)


def _where(fits: Callable[[Deadline], bool]) -> Callable[..., bool]:
    """A right to record facts, of those deadlines alone that a kind of fact fits."""

    def has_right(_: object, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm("compliance.add_fact"):
            return False
        deadline = _asked_about(request, str(object_id)) if object_id else None
        return deadline is None or fits(deadline)

    return has_right


def _unmet(name: str) -> Callable[..., bool]:
    """A right, of those deadlines alone that stand unmet."""

    def has_right(_: object, request: HttpRequest, object_id: Any = None) -> bool:
        if not request.user.has_perm(name):
            return False
        deadline = _asked_about(request, str(object_id)) if object_id else None
        return deadline is None or deadline.status in _BREACHED

    return has_right


def _asked_about(request: HttpRequest, object_id: str) -> Deadline | None:
    """The deadline of a page, read once for all buttons on it."""
    known: dict[str, Deadline | None] = request.__dict__.setdefault("asked_about", {})
    if object_id not in known:
        pk = unquote(object_id)
        found = Deadline.objects.select_related("obligation")
        known[object_id] = found.filter(pk=pk).first() if pk.isdecimal() else None
    return known[object_id]


def _for_kinds(*kinds: ObligationKind) -> Callable[..., bool]:
    return _where(lambda deadline: deadline.obligation.kind in kinds)


class _DatedFirst(F):
    """A column by which rows are sorted, those without a value last in either direction."""

    def asc(self, **kwargs: Any) -> OrderBy:
        """Rising."""
        return OrderBy(self, nulls_last=True)

    def desc(self, **kwargs: Any) -> OrderBy:
        """Falling."""
        return OrderBy(self, descending=True, nulls_last=True)


class SetAsideFilter(admin.SimpleListFilter):
    """Deadlines that could not be projected and wait for a mend."""

    title = "set aside"
    parameter_name = "set_aside"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Only those, or all."""
        return [("yes", "with an error")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only those, or all."""
        if self.value() != "yes":
            return queryset
        return queryset.exclude(set_aside_error="")


@admin.register(Deadline)
class DeadlineAdmin(ReadOnlyAdmin):
    """Read here, changed only by what is recorded about it."""

    list_display = ("what", "standing", "due", "owing", "urgency")
    list_display_links = ("what",)
    list_filter = (
        "status", "obligation__severity", "obligation__kind", "is_disputed", "is_ambiguous",
        SetAsideFilter, "agreement",
    )  # fmt: skip
    search_fields = (
        "obligation__ref",
        "obligation__title",
        "agreement__ref",
        "agreement__title",
        "obligation__sides__party__code",
        "obligation__sides__party__name",
        "obligation__tags",
    )
    ordering = desk.URGENCY
    list_per_page = 50
    fields = ("obligation",)
    change_form_template = "admin/pacta/deadline.html"
    has_record_fact_permission = right("compliance.add_fact")
    has_state_position_permission = right("compliance.add_position")
    has_add_evidence_permission = right("compliance.add_evidence")
    has_record_performance_permission = _for_kinds(ObligationKind.ACHIEVE)
    has_record_violation_permission = _for_kinds(ObligationKind.MAINTAIN, ObligationKind.REFRAIN)
    has_restate_permission = _where(lambda each: each.obligation.target_quantity is not None)
    has_acknowledge_permission = _unmet("compliance.add_breach")
    has_silence_permission = right("compliance.add_silence")
    has_trigger_permission = _where(lambda each: each.status == Status.DORMANT.value)
    actions_detail = (
        "acknowledge",
        "record_performance",
        "record_violation",
        "record_trigger",
        "record_extension",
        {
            "title": "More",
            "icon": "more_horiz",
            "items": [
                "state_position",
                "add_evidence",
                "record_determination",
                "record_waiver",
                "suspend_deadline",
                "restate_target",
                "retract_fact",
                "cancel_deadline",
                "silence",
            ],
        },
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With all that a line needs, in a fixed number of queries."""
        return desk.with_sides(super().get_queryset(request))

    @admin.display(description="Obligation", ordering="obligation__ref")
    def what(self, deadline: Deadline) -> SafeString:
        """The title, with the ref and the agreement below."""
        obligation = deadline.obligation
        return badges.two_lines(obligation.title, f"{obligation.ref} · {deadline.agreement.ref}")

    @admin.display(description="Status", ordering="status")
    def standing(self, deadline: Deadline) -> SafeString:
        """Where it stands, and how late it is."""
        late = badges.lateness(deadline, timezone.now())
        return badges.two_lines(badges.standing(deadline), late)

    @admin.display(description="Due", ordering=_DatedFirst("due_at"))
    def due(self, deadline: Deadline) -> SafeString:
        """The day in its zone, with the instant in UTC below."""
        day = format_html(
            '{} <span class="pacta-quiet">{}</span>',
            moments.due_text(deadline),
            deadline.timezone,
        )
        if deadline.due_at is None:
            return badges.two_lines(moments.due_text(deadline), "")
        return badges.two_lines(day, moments.utc(deadline.due_at, deadline.timezone))

    @admin.display(description="Obligor → obligee")
    def owing(self, deadline: Deadline) -> SafeString:
        """Who owes whom."""
        return badges.sides(deadline.obligation)

    @admin.display(description="Severity", ordering="obligation__severity")
    def urgency(self, deadline: Deadline) -> SafeString:
        """How much missing it matters."""
        return badges.badge(deadline.obligation.severity)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The page of one deadline."""
        deadline = kwargs["obj"]
        context["page"] = page_of(deadline, as_of=timezone.now())
        context["title"] = str(deadline.obligation)
        context["subtitle"] = None
        return super().render_change_form(request, context, *args, **kwargs)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """The history of a deadline is its ledger."""
        listing = reverse("admin:compliance_ledgerentry_changelist")
        deadline = self._deadline(request, object_id)
        return HttpResponseRedirect(f"{listing}?deadline__id__exact={deadline.pk}")

    @button(
        description="Record performance",
        url_path="record-performance",
        icon="task_alt",
        permissions=["view", "record_performance"],
    )
    def record_performance(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It was done."""
        return self._record(request, object_id, recording.PerformanceForm)

    @button(
        description="Record violation",
        url_path="record-violation",
        icon="report",
        permissions=["view", "record_violation"],
    )
    def record_violation(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It was not kept."""
        return self._record(request, object_id, recording.ViolationForm)

    @button(
        description="Record trigger",
        url_path="record-trigger",
        icon="bolt",
        permissions=["view", "trigger"],
    )
    def record_trigger(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What it waits for has happened."""
        return self._record(request, object_id, recording.TriggerForm)

    @button(
        description="Suspend the deadline",
        url_path="suspend",
        icon="pause_circle",
        permissions=_RECORD_FACT,
    )
    def suspend_deadline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It does not bind for a while."""
        return self._record(request, object_id, recording.SuspensionForm)

    @button(
        description="Restate the target",
        url_path="restate-target",
        icon="scale",
        permissions=["view", "restate"],
    )
    def restate_target(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Another quantity is owed."""
        return self._record(request, object_id, recording.RestatementForm)

    @button(
        description="Record extension",
        url_path="record-extension",
        icon="more_time",
        permissions=_RECORD_FACT,
    )
    def record_extension(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """More time was given."""
        return self._record(request, object_id, recording.ExtensionForm)

    @button(
        description="Record waiver",
        url_path="record-waiver",
        icon="do_not_disturb_on",
        permissions=_RECORD_FACT,
    )
    def record_waiver(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It need not be done any more."""
        return self._record(request, object_id, recording.WaiverForm)

    @button(
        description="Record determination",
        url_path="record-determination",
        icon="balance",
        permissions=_RECORD_FACT,
    )
    def record_determination(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the desk itself concludes."""
        return self._record(request, object_id, recording.DeterminationForm)

    @button(
        description="State a position",
        url_path="state-position",
        icon="record_voice_over",
        permissions=["view", "state_position"],
    )
    def state_position(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What one party says of it."""
        return self._record(request, object_id, recording.PositionForm)

    @button(
        description="Add evidence",
        url_path="add-evidence",
        icon="attach_file",
        permissions=["view", "add_evidence"],
    )
    def add_evidence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A document or statement that bears on it."""
        return self._record(request, object_id, recording.EvidenceForm)

    @button(
        description="Retract a fact",
        url_path="retract-fact",
        icon="undo",
        permissions=_RECORD_FACT,
    )
    def retract_fact(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A fact was recorded by mistake."""
        return self._record(request, object_id, recording.RetractionForm)

    @button(
        description="Cancel the deadline",
        url_path="cancel",
        icon="cancel",
        permissions=_RECORD_FACT,
    )
    def cancel_deadline(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It falls away."""
        return self._record(request, object_id, recording.CancellationForm)

    @button(
        description="Acknowledge",
        url_path="acknowledge",
        icon="front_hand",
        permissions=["view", "acknowledge"],
    )
    def acknowledge(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Somebody is at it."""
        deadline = self._deadline(request, object_id)
        back = reverse("admin:compliance_deadline_change", args=[deadline.pk])
        breach = deadline.breaches.filter(ended_at__isnull=True).first()
        if breach is None:
            messages.error(request, "No breach of it is open: there is nothing to acknowledge.")
            return HttpResponseRedirect(back)
        return breaches.acknowledge(
            request,
            breach,
            back=back,
            back_to="the deadline",
            context={**self.admin_site.each_context(request), "opts": self.opts},
        )

    @button(
        description="Silence",
        url_path="silence",
        icon="notifications_paused",
        permissions=["view", "silence"],
    )
    def silence(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go where a silence about it is begun."""
        address = reverse("admin:compliance_silence_add")
        deadline = self._deadline(request, object_id)
        return HttpResponseRedirect(f"{address}?deadline={deadline.pk}")

    def _deadline(self, request: HttpRequest, object_id: str) -> Deadline:
        deadline = self.get_object(request, unquote(object_id))
        if deadline is None:
            raise Http404
        assert isinstance(deadline, Deadline)
        return deadline

    def _record(
        self, request: HttpRequest, object_id: str, form_class: type[recording.DeadlineForm]
    ) -> HttpResponse:
        """Show a form about the deadline; on POST hand it to its operation."""
        deadline = self._deadline(request, object_id)
        as_of = timezone.now()

        def stands() -> str:
            deadline.refresh_from_db(fields=["status", "due_on"])
            return f"The deadline is {deadline.status.replace('_', ' ')}."

        return answer(
            request,
            form_class(request.POST or None, deadline=deadline, as_of=as_of),
            as_of=as_of,
            back=reverse("admin:compliance_deadline_change", args=[deadline.pk]),
            outcome=stands,
            context={
                **self.admin_site.each_context(request),
                "subtitle": str(deadline.obligation),
                "opts": self.opts,
                "original": deadline,
                "subject": deadline.obligation,
                "standing": badges.standing(deadline),
                "due": moments.due_text(deadline),
                "due_utc": moments.utc(deadline.due_at, deadline.timezone),
                "sides": badges.sides(deadline.obligation),
                "back_to": "the deadline",
            },
        )
