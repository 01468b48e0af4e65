"""Subscriptions: who is told of what, and when; whether they can be reached, and what they get."""

from __future__ import annotations

from calendar import day_name
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from compliance.admin import badges, fields, moments
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.admin.theme import Checkbox, Choice, button
from compliance.delivery import samples
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import AlertKind, Rhythm, Severity, WebhookKind
from compliance.models import Agreement, Party, Subscription, Webhook
from compliance.operations.alerts import subscriptions

_KINDS = {
    AlertKind.REMINDER: "Reminders before it is due",
    AlertKind.MISSED: "Missed",
    AlertKind.ESCALATED: "Escalations, while it stays missed",
    AlertKind.RECOVERED: "The end of a miss",
    AlertKind.CHANGED: "Extensions, waivers and other changes",
    AlertKind.UNSILENCED: "Still missed when a silence ends",
}
_RHYTHMS = {
    Rhythm.AT_ONCE: "At once",
    Rhythm.DAILY: "Gathered once a day",
    Rhythm.WEEKLY: "Gathered once a week",
}
_LAST_RUNG = 12


def _from_rung(level: int) -> str:
    if level == 0:
        return "From the start"
    return f"Only from escalation {level} on, if nobody acknowledges before"


class SubscriptionForm(DraftForm):
    """Who follows what, and when they are told."""

    email = fields.line(label="Mail address", help_text="Or else choose a webhook or chat.")
    webhook = forms.ModelChoiceField(
        label="Webhook or chat",
        queryset=Webhook.objects.order_by("name"),
        required=False,
        empty_label="None",
        widget=Choice(),
    )
    is_active = forms.BooleanField(label="Active", required=False, initial=True, widget=Checkbox())
    agreement = forms.ModelChoiceField(
        queryset=Agreement.objects.order_by("title"),
        to_field_name="ref",
        required=False,
        empty_label="All agreements",
        widget=Choice(),
    )
    party = forms.ModelChoiceField(
        queryset=Party.objects.order_by("name"),
        to_field_name="code",
        required=False,
        empty_label="All parties",
        widget=Choice(),
        help_text="Only what this party owes or is owed.",
    )
    tag = fields.line(help_text="Only obligations with this tag.")
    min_severity = fields.choice(
        Severity,
        label="Severity",
        required=False,
        initial=Severity.LOW.value,
        help_text="This one and more severe ones.",
    )
    is_owner = forms.BooleanField(
        label="Only what this address owns",
        required=False,
        widget=Checkbox(),
        help_text="Obligations whose owner is the mail address above.",
    )
    kinds = fields.Boxes(
        choices=[(kind.value, label) for kind, label in _KINDS.items()],
        help_text="Choose none to be told of everything.",
    )
    from_escalation = forms.TypedChoiceField(
        label="Called in",
        coerce=int,
        choices=[(level, _from_rung(level)) for level in range(_LAST_RUNG + 1)],
        required=False,
        initial=0,
        empty_value=None,
        widget=Choice(),
        help_text="For those who are called next when nobody is at it.",
    )
    rhythm = forms.ChoiceField(
        label="Told",
        choices=[(rhythm.value, label) for rhythm, label in _RHYTHMS.items()],
        required=False,
        initial=Rhythm.AT_ONCE.value,
        widget=Choice(),
        help_text="What is gathered comes as one digest. An empty one is not sent.",
    )
    digest_hour = forms.TypedChoiceField(
        label="Digest at",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        required=False,
        initial=8,
        empty_value=None,
        widget=Choice(),
    )
    digest_weekday = forms.TypedChoiceField(
        label="Weekly digest on",
        coerce=int,
        choices=list(enumerate(day_name)),
        required=False,
        initial=0,
        empty_value=None,
        widget=Choice(),
    )
    quiet_from = fields.Clock(
        label="Quiet from", help_text="What happens in quiet hours is told when they end."
    )
    quiet_until = fields.Clock(label="Quiet until", help_text="May be on the next morning.")
    timezone = fields.time_zone(
        label="Time zone", initial="UTC", help_text="Whose clocks the hours go by."
    )

    class Meta:
        model = Subscription
        fields = (
            "email", "webhook", "agreement", "party", "tag", "min_severity", "is_owner", "kinds",
            "from_escalation", "rhythm", "digest_hour", "digest_weekday", "quiet_from",
            "quiet_until", "timezone", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance
        if stored.pk:
            self.initial["agreement"] = stored.agreement.ref if stored.agreement else ""
            self.initial["party"] = stored.party.code if stored.party else ""


@admin.register(Subscription)
class SubscriptionAdmin(OperationAdmin, HistoryAdmin):
    """Add and change subscriptions, through `operations.subscriptions`."""

    form = SubscriptionForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/zones.html"
    list_display = ("told_to", "followed", "told_when", "standing")
    list_display_links = ("told_to",)
    list_filter = (
        "is_active", "rhythm", "min_severity", ("refused_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = ("agreement", "party", "webhook")
    search_fields = (
        "email", "webhook__name", "tag", "agreement__ref", "agreement__title", "party__code",
        "party__name",
    )  # fmt: skip
    has_send_test_permission = right("compliance.change_subscription")
    has_preview_permission = right("compliance.view_subscription", "compliance.view_deadline")
    actions_detail = ("send_test", "preview")
    fieldsets = (
        (
            "Who",
            {
                "description": "A person's mail address, or a webhook or chat: one of the two.",
                "fields": (("email", "webhook"), "is_active"),
            },
        ),
        (
            "About what",
            {
                "description": (
                    "What is chosen here narrows it: an alert must fit all of it. Without any "
                    "choice it follows everything."
                ),
                "fields": (("agreement", "party"), ("min_severity", "tag"), "is_owner"),
            },
        ),
        ("Which alerts", {"fields": ("kinds", "from_escalation")}),
        (
            "When",
            {
                "fields": (
                    ("rhythm", "timezone"),
                    ("digest_hour", "digest_weekday"),
                    ("quiet_from", "quiet_until"),
                )
            },
        ),
    )

    @admin.display(description="Recipient", ordering="email")
    def told_to(self, subscription: Subscription) -> SafeString | str:
        """An address, or the name of a webhook."""
        if subscription.webhook is None:
            return subscription.email
        is_chat = subscription.webhook.kind == WebhookKind.CHAT.value
        return badges.two_lines(subscription.webhook.name, "chat" if is_chat else "webhook")

    @admin.display(description="Follows")
    def followed(self, subscription: Subscription) -> SafeString:
        """What it is told of, and from which escalation on."""
        level = subscription.from_escalation
        second = [kind.replace("_", " ") for kind in subscription.kinds]
        if level:
            second.append(f"from escalation {level} on")
        first = subscription.follows
        return badges.two_lines(first[:1].upper() + first[1:], ", ".join(second))

    @admin.display(description="Told", ordering="rhythm")
    def told_when(self, subscription: Subscription) -> SafeString:
        """At once, or when the digest comes, and when not."""
        zone = subscription.timezone
        hour = f"at {subscription.digest_hour:02}:00 {zone}"
        first = {
            Rhythm.AT_ONCE: "At once",
            Rhythm.DAILY: f"Daily {hour}",
            Rhythm.WEEKLY: f"{day_name[subscription.digest_weekday]}s {hour}",
        }[Rhythm(subscription.rhythm)]
        second = ""
        start, end = subscription.quiet_from, subscription.quiet_until
        if start is not None and end is not None:
            second = f"quiet {start:%H:%M} to {end:%H:%M} {zone}"
        return badges.two_lines(first, second)

    @admin.display(description="State", ordering="refused_at")
    def standing(self, subscription: Subscription) -> SafeString:
        """Whether it is active, and whether mail to it was refused."""
        if not subscription.is_active:
            return badges.badge("switched_off")
        if subscription.refused_at is None:
            return badges.badge("active")
        return badges.two_lines(badges.badge("refused"), subscription.refusal[:120])

    def get_fieldsets(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """With what the mail server said of the address, if it refused it."""
        found = super().get_fieldsets(request, obj)
        if obj is None or obj.refused_at is None:
            return found
        refused = {
            "description": "The next alert tries this address again, and so does a test mail.",
            "fields": (("refused", "refusal"),),
        }
        return (("Mail to this address was refused", refused), *found)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """What the mail server said."""
        return ("refused", "refusal")

    @admin.display(description="Refused")
    def refused(self, subscription: Subscription) -> SafeString:
        """When mail to it was refused last."""
        return moments.utc(subscription.refused_at, subscription.timezone)

    @button(
        description="Send a test",
        url_path="send-test",
        icon="send",
        permissions=["send_test"],
    )
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then send a test past the outbox, and show what the other side said."""
        subscription = self._subscription(request, object_id)
        answer = None
        if request.method == "POST":
            answer = samples.send(subscription, as_of=timezone.now())
        return self._page(
            request,
            subscription,
            "admin/pacta/test.html",
            title=f"Send a test to {subscription}",
            answer=answer,
            outcome=badges.badge(answer.outcome.value) if answer else "",
        )

    @button(
        description="Preview",
        url_path="preview",
        icon="visibility",
        permissions=["preview"],
    )
    def preview(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what its recipient would be told."""
        subscription = self._subscription(request, object_id)
        return self._page(
            request,
            subscription,
            "admin/pacta/message.html",
            title=f"What {subscription} would be told",
            preview=samples.preview(subscription, as_of=timezone.now()),
        )

    def _subscription(self, request: HttpRequest, object_id: str) -> Subscription:
        subscription = self.get_object(request, unquote(object_id))
        if not isinstance(subscription, Subscription):
            raise Http404
        return subscription

    def _page(
        self, request: HttpRequest, subscription: Subscription, template: str, **more: Any
    ) -> HttpResponse:
        back = reverse("admin:compliance_subscription_change", args=[subscription.pk])
        context = {
            **self.admin_site.each_context(request),
            "subtitle": None,
            "opts": self.opts,
            "original": subscription,
            "back": back,
            **more,
        }
        return TemplateResponse(request, template, context)

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store or change the subscription."""
        values = given(form.cleaned_data)
        for name, key in (("agreement", "ref"), ("party", "code"), ("webhook", "pk")):
            if name in values:
                values[name] = getattr(values[name], key)
        draft = read(SubscriptionDraft, values)
        if isinstance(stored, Subscription):
            return subscriptions.update(subscription=stored, draft=draft)
        return subscriptions.create(draft=draft)
