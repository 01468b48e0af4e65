"""The form of a subscription."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from compliance.admin import fields
from compliance.admin.operation_forms import DraftForm
from compliance.admin.responsible_fields import OneResponsibleWidget
from compliance.admin.theme import CheckboxInput, Select
from compliance.domain.civil_time import WEEKDAYS
from compliance.domain.vocabulary import AlertKind, NotificationFrequency, Severity
from compliance.models import Party, Subscription, Webhook

_KIND_LABELS = {
    AlertKind.REMINDER: "Reminders before the due date",
    AlertKind.MISSED: "Breaches",
    AlertKind.ESCALATED: "Escalations while a breach lasts",
    AlertKind.RECOVERED: "Ends of breaches",
    AlertKind.CHANGED: "Extensions, waivers and other changes",
    AlertKind.SILENCE_ENDED: "Deadlines still unmet when a silence ends",
}
_FREQUENCY_LABELS = {
    NotificationFrequency.IMMEDIATE: "Immediately",
    NotificationFrequency.DAILY: "In a daily digest",
    NotificationFrequency.WEEKLY: "In a weekly digest",
}
_MAX_ESCALATION_STEP = 12


def _escalation_label(step: int) -> str:
    if step == 0:
        return "From the beginning"
    return f"Only from escalation step {step}, unless someone acknowledges the breach first"


class SubscriptionForm(DraftForm):
    """The fields of a subscription."""

    email = fields.text_field(label="Email address", help_text="Or choose a webhook or chat.")
    webhook = forms.ModelChoiceField(
        label="Webhook or chat",
        queryset=Webhook.objects.order_by("name"),
        required=False,
        empty_label="None",
        widget=Select(),
    )
    is_active = forms.BooleanField(
        label="Active", required=False, initial=True, widget=CheckboxInput()
    )
    agreement = fields.agreement_field(required=False, empty_label="All agreements")
    party = fields.party_field(
        required=False,
        empty_label="All parties",
        help_text="Only obligations that this party owes or is owed.",
    )
    tag = fields.text_field(help_text="Only obligations with this tag.")
    min_severity = fields.enum_field(
        Severity,
        label="Minimum severity",
        required=False,
        initial=Severity.LOW.value,
        help_text="Only obligations of this severity or higher.",
    )
    responsible = fields.text_field(
        label="Responsible",
        widget=OneResponsibleWidget(),
        help_text=(
            "Only obligations for which this user or team is responsible, or whoever receives the "
            "subscription (me)."
        ),
    )
    owner = fields.text_field(
        help_text=(
            "The subscription reports only what this user may see. Leave empty for the user "
            "with the email address above, or else for yourself."
        ),
    )
    kinds = fields.CheckboxesField(
        choices=[(kind.value, label) for kind, label in _KIND_LABELS.items()],
        help_text="Leave all unchecked to get every kind.",
    )
    from_escalation = forms.TypedChoiceField(
        label="Notify",
        coerce=int,
        choices=[(step, _escalation_label(step)) for step in range(_MAX_ESCALATION_STEP + 1)],
        required=False,
        initial=0,
        empty_value=None,
        widget=Select(),
        help_text="Choose a later step for people who should hear only about lasting breaches.",
    )
    frequency = forms.ChoiceField(
        label="Frequency",
        choices=[(frequency.value, label) for frequency, label in _FREQUENCY_LABELS.items()],
        required=False,
        initial=NotificationFrequency.IMMEDIATE.value,
        widget=Select(),
        help_text="A digest without alerts is not sent.",
    )
    digest_hour = forms.TypedChoiceField(
        label="Digest at",
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        required=False,
        initial=8,
        empty_value=None,
        widget=Select(),
    )
    digest_weekday = forms.TypedChoiceField(
        label="Weekly digest on",
        coerce=int,
        choices=list(enumerate(WEEKDAYS)),
        required=False,
        initial=0,
        empty_value=None,
        widget=Select(),
    )
    quiet_from = fields.TimeTextField(
        label="Quiet from", help_text="Alerts during quiet hours are sent when they end."
    )
    quiet_until = fields.TimeTextField(
        label="Quiet until", help_text="This can be on the next morning."
    )
    timezone = fields.time_zone_field(
        label="Time zone", initial="UTC", help_text="The time zone of the digest and quiet hours."
    )

    class Meta:
        model = Subscription
        fields = (
            "email", "webhook", "agreement", "party", "tag", "min_severity", "kinds",
            "from_escalation", "frequency", "digest_hour", "digest_weekday", "quiet_from",
            "quiet_until", "timezone", "is_active",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance
        if stored.pk:
            self.initial["agreement"] = stored.agreement.ref if stored.agreement else ""
            self.initial["party"] = stored.party.code if stored.party else ""
            self.initial["responsible"] = stored.responsible or ""
            self.initial["owner"] = stored.owner.email if stored.owner else ""
        offered = Q(retired_at=None) | Q(pk=stored.party_id)
        party: Any = self.fields["party"]
        party.queryset = Party.objects.filter(offered).order_by("name")
