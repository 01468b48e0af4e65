"""The form of an agreement itself, without its parties, milestones and obligations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet

from compliance.admin import fields, instants
from compliance.admin.alerts import notification_policies as policies
from compliance.admin.operation_forms import DraftForm
from compliance.admin.theme import CheckboxInput
from compliance.domain.vocabulary import AgreementKind, Announcement, Visibility
from compliance.models import Agreement, AgreementTeam, Membership, Team
from compliance.models.people.readers import Reader, current_reader


class AgreementForm(DraftForm):
    """The fields of an agreement itself."""

    ref = fields.text_field(
        required=True,
        help_text="A short name for URLs, such as geneva-2025. It cannot be changed later.",
    )
    title = fields.text_field(required=True)
    kind = fields.enum_field(AgreementKind)
    signed_on = fields.PeriodTextField()
    in_force_on = fields.PeriodTextField()
    ends_on = fields.PeriodTextField()
    timezone = fields.time_zone_field(
        label="Time zone",
        help_text="Leave empty to use the time zone of each obligation's obligor.",
    )
    calendars = fields.CommaSeparatedField(
        help_text=(
            "Holiday calendars: a country or region (US, DE-BY), or only some categories of "
            "its holidays (HK:public); a market (NYSE, TARGET); or a custom calendar "
            "(custom:hq). Leave empty if only weekends are closed."
        )
    )

    requires_approval = forms.BooleanField(
        label="Requires approval",
        required=False,
        widget=CheckboxInput(),
        help_text=(
            "Anything that ends, moves or weakens an obligation, such as a waiver or a "
            "determination, needs the approval of a second person."
        ),
    )
    visibility = fields.enum_field(Visibility, initial=Visibility.EVERYONE.value, required=False)
    teams = fields.TeamsField(
        help_text="The teams that see it, if its visibility is “teams”. Only administrators "
        "can add teams to which they do not belong."
    )
    notification_policy_reminders = policies.StepsField(
        example="30, 7, 1",
        label="Reminders",
        help_text=(
            "Days before a due date, such as “30, 7, 1” or “10 business days, 1”, or “none”. "
            "Leave empty for 30, 7 and 1 days."
        ),
    )
    notification_policy_escalations = policies.StepsField(
        example="1, 7, 30",
        label="Escalations",
        help_text=(
            "Days after the first alert about a breach, while it lasts and is not acknowledged. "
            "Leave empty for 1, 7 and 30 days."
        ),
    )

    announcement = fields.enum_field(
        Announcement,
        label="Earlier breaches",
        initial=Announcement.SUMMARY.value,
        required=False,
        help_text=(
            "How breaches that began before a new obligation was entered are announced: in "
            "one summary, each like any other, or not at all."
        ),
    )
    confirm = forms.BooleanField(
        label="Confirm",
        required=False,
        widget=CheckboxInput(),
        help_text=(
            "Tick this only if Pacta asks you to: the correction makes deadlines unmet immediately."
        ),
    )

    class Meta:
        model = Agreement
        fields = (
            "ref", "title", "kind", "signed_on", "in_force_on", "ends_on", "timezone", "calendars",
            "requires_approval",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(teams := self.fields.get("teams"), fields.TeamsField):
            teams.offer_teams(_offered_to(current_reader(), self.instance))
        if self.instance.pk:
            self.initial["visibility"] = self.instance.visibility
            held = self.instance.teams.order_by("slug")
            self.initial["teams"] = list(held.values_list("slug", flat=True))
            self.initial.update(policies.initial_steps(self.instance.notification_policy))
            for name in ("signed_on", "in_force_on", "ends_on"):
                self.initial[name] = instants.period_input(self.instance, name)


def _offered_to(reader: Reader, agreement: Agreement) -> QuerySet[Team]:
    """Return all teams for administrators; for others, their own and those of the agreement."""
    teams = Team.objects.all()
    if not reader.is_limited:
        return teams
    mine = Membership.objects.filter(user=reader.user_id).values("team")
    held = AgreementTeam.objects.filter(agreement=agreement.pk).values("team")
    return teams.filter(Q(pk__in=mine) | Q(pk__in=held))
