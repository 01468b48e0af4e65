"""Silences: alerts about an agreement, or one deadline of it, held back for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import F, Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments, until
from compliance.admin.answering import Question, confirm
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.admin.theme import Choice, button
from compliance.domain.alerts.drafts import SilenceDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, Silence, User
from compliance.operations.alerts import silences


class SilenceForm(DraftForm):
    """About what, until when, and why."""

    agreement = forms.ModelChoiceField(
        queryset=Agreement.objects.order_by("title"),
        to_field_name="ref",
        empty_label="Choose",
        widget=Choice(),
    )
    until_on = until.day(required=True)
    until_time = until.clock()
    timezone = fields.time_zone(label="Time zone", initial="UTC")
    reason = fields.line(
        required=True, help_text="Whoever wonders why nobody is told reads it here."
    )
    aliases = until.ALIASES

    class Meta:
        model = Silence
        fields = ("agreement", "deadline", "reason")


@admin.register(Silence)
class SilenceAdmin(OperationAdmin, HistoryAdmin):
    """Begun and ended here, never changed."""

    form = SilenceForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/zones.html"
    list_display = ("about", "standing", "lasts", "reason", "begun")
    list_display_links = ("about",)
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("agreement", "deadline__obligation", "created_by")
    search_fields = ("agreement__ref", "agreement__title", "deadline__obligation__ref", "reason")
    autocomplete_fields = ("deadline",)
    has_end_now_permission = right("compliance.add_silence")
    actions_detail = ("end_now",)
    fieldsets = (
        (
            None,
            {
                "description": (
                    "No alert is lost: what a silence holds back is told when it ends, and "
                    "also that what is still missed is so."
                ),
                "fields": (
                    "agreement", "deadline", ("until_on", "until_time", "timezone"), "reason",
                ),
            },
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The open ones first, of those the one that ends next."""
        found: QuerySet[Any] = super().get_queryset(request)
        return found.order_by(F("ended_at").desc(nulls_first=True), "until_at", "-id")

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """A stored one is read."""
        if obj is None:
            return super().get_fieldsets(request, obj)
        rows = ("agreement", "of_deadline", "reason", "standing", "lasts", "ended", "begun")
        return ((None, {"fields": rows}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """What a stored one shows."""
        return ("of_deadline", "standing", "lasts", "ended", "begun")

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The deadline is looked up, without buttons to change it on the way."""
        form = super().get_form(request, obj, change=change, **kwargs)
        deadline = form.base_fields.get("deadline")
        if deadline is not None:
            deadline.required = False
            deadline.help_text = "Leave empty for everything in the agreement."
            for name in ("can_add_related", "can_change_related", "can_view_related"):
                setattr(deadline.widget, name, False)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """About the deadline from whose page one comes."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        pk = str(initial.get("deadline", ""))
        found = Deadline.objects.select_related("agreement")
        deadline = found.filter(pk=pk).first() if pk.isascii() and pk.isdecimal() else None
        if deadline is None:
            return {}
        return {
            "deadline": deadline.pk,
            "agreement": deadline.agreement.ref,
            "timezone": deadline.timezone,
        }

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody: end it and begin another."""
        return False

    @admin.display(description="About", ordering="agreement__title")
    def about(self, silence: Silence) -> SafeString:
        """The agreement, and its one deadline if it is about that alone."""
        deadline = str(silence.deadline) if silence.deadline else "everything in it"
        return badges.two_lines(silence.agreement.title, deadline)

    @admin.display(description="Deadline")
    def of_deadline(self, silence: Silence) -> str:
        """The deadline that it is about."""
        return str(silence.deadline) if silence.deadline else "All of the agreement"

    @admin.display(description="State", ordering="ended_at")
    def standing(self, silence: Silence) -> SafeString:
        """Whether it holds alerts back."""
        return badges.badge("silent" if silence.ended_at is None else "ended")

    @admin.display(description="Until", ordering="until_at")
    def lasts(self, silence: Silence) -> SafeString:
        """Until when it was made to last."""
        at, now = silence.until_at, timezone.now()
        left = f"{moments.distance(at, now)} left" if not silence.ended_at and at > now else ""
        return badges.two_lines(moments.utc(at), left)

    @admin.display(description="Ended", ordering="ended_at")
    def ended(self, silence: Silence) -> SafeString:
        """When it ended."""
        return moments.utc(silence.ended_at)

    @admin.display(description="Begun", ordering="created_at")
    def begun(self, silence: Silence) -> SafeString:
        """When, and by whom."""
        return badges.two_lines(moments.utc(silence.created_at), str(silence.created_by))

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Begin a silence."""
        assert isinstance(request.user, User)
        values = form.cleaned_data
        deadline = values.get("deadline")
        asked = {
            "agreement": values["agreement"].ref,
            "deadline": deadline.pk if deadline else None,
            "until_at": until.instant_of(values),
            "reason": values["reason"],
        }
        draft = read(SilenceDraft, given(asked))
        return silences.create(draft=draft, by=request.user, as_of=timezone.now())

    @button(
        description="End now",
        url_path="end-now",
        icon="notifications_active",
        permissions=["end_now"],
    )
    def end_now(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then end it."""
        silence = self.get_object(request, unquote(object_id))
        if not isinstance(silence, Silence):
            raise Http404
        question = Question(
            title="End the silence",
            lines=(
                f"What it held back about {silence.agreement.title} is told at once, and that "
                "what is still missed is so.",
            ),
            submit="End it now",
        )

        def act() -> str:
            silences.end(silence=silence, as_of=timezone.now())
            return "The silence has ended."

        return confirm(
            request,
            question,
            act=act,
            back=reverse("admin:compliance_silence_change", args=[silence.pk]),
            context={
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "original": silence,
            },
        )
