"""The form of obligations, which are edited on the page of their agreement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from compliance.admin import fields, instants
from compliance.admin.alerts import notification_policies as policies
from compliance.admin.due_dates.due_rules import RuleField, RuleWidget
from compliance.admin.formsets import DraftFormSet, DraftRowsMixin
from compliance.admin.operation_forms import DraftForm, without_empty
from compliance.admin.responsible_fields import ResponsibleField
from compliance.admin.theme import CheckboxInput, NumberInput, StackedInline
from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.due_dates.grace_periods import GraceUnit
from compliance.domain.quantities import number_text
from compliance.domain.vocabulary import Capacity, ObligationKind, RollUp, Severity, TargetBound
from compliance.models import Obligation, Party

_POSTED_PARTY = re.compile(r"memberships-\d+-party")
_INHERITED = "as in the agreement"


class ObligationForm(DraftForm):
    """The fields of an obligation."""

    ref = fields.text_field(
        required=True, help_text="A short name, such as CN-2d. It cannot be changed later."
    )
    title = fields.text_field(required=True)
    kind = fields.enum_field(
        ObligationKind, label="Kind", required=False, initial=ObligationKind.ACHIEVE.value
    )
    severity = fields.enum_field(Severity, initial=Severity.NORMAL.value)
    obligors = fields.CheckboxesField(label="Obligors", help_text="The parties that owe it.")
    obligees = fields.CheckboxesField(
        label="Obligees", help_text="The parties to which it is owed."
    )
    clause = fields.text_field(help_text="Its place in the agreement, such as Art. 3(1).")
    text = fields.LongTextField(help_text="The wording of the agreement.")
    due = RuleField(
        label="Due",
        help_text="For an obligation to maintain or refrain: the end of its period.",
    )
    binds_on = fields.PeriodTextField(
        label="Binds from",
        help_text=(
            "Leave empty if it binds from the start of its period or the date of the agreement."
        ),
    )
    starts = RuleField(
        label="Period starts",
        types=("date", "offset"),
        help_text=(
            "For an obligation to maintain or refrain. Leave empty if its period starts when it "
            "begins to bind."
        ),
    )
    survives_termination = forms.BooleanField(
        label="Survives termination",
        required=False,
        widget=CheckboxInput(),
        help_text="Suspending or terminating the agreement does not affect this obligation.",
    )
    grace_count = forms.IntegerField(
        label="Grace period", required=False, min_value=0, widget=NumberInput()
    )
    grace_unit = fields.enum_field(
        GraceUnit, label="Grace unit", required=False, initial=GraceUnit.DAYS.value
    )
    tags = fields.CommaSeparatedField(help_text="Separate tags with commas.")
    responsible = ResponsibleField(
        help_text="Users and teams. Someone without an account: type the email address."
    )
    parent = fields.text_field(
        help_text="The ref of the parent obligation, if this is a component of one."
    )
    roll_up = fields.enum_field(
        RollUp,
        label="Met when",
        required=False,
        initial=RollUp.ALL.value,
        help_text="How many of its components must be met, if it has any.",
    )
    roll_up_share = forms.DecimalField(
        label="Share", required=False, widget=NumberInput(), help_text="Such as 0.75."
    )
    target_quantity = forms.DecimalField(
        required=False,
        widget=NumberInput(),
        help_text="The total that performances must reach, or the limit for measured values.",
    )
    target_bound = fields.enum_field(
        TargetBound,
        label="Target is",
        required=False,
        initial=TargetBound.AT_LEAST.value,
        help_text="A minimum (at least) or a ceiling (at most).",
    )
    unit = fields.text_field(help_text="The unit of the quantity, such as t.")
    notification_policy_reminders = policies.StepsField(
        example=_INHERITED,
        label="Reminders",
        help_text=(
            "Days before the due date, such as “30, 7, 1”. Leave empty to use the agreement's."
        ),
    )
    notification_policy_escalations = policies.StepsField(
        example=_INHERITED,
        label="Escalations",
        help_text="Days after the first alert about a breach. Leave empty to use the agreement's.",
    )
    aliases = {"grace": "grace_count"}

    class Meta:
        model = Obligation
        fields = (
            "ref", "title", "kind", "severity", "clause", "text", "survives_termination", "tags",
            "roll_up", "roll_up_share", "target_bound", "target_quantity", "unit",
        )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        parties: Sequence[tuple[str, str]] = (),
        agreement_ref: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in ("due", "starts"):
            widget = self.fields[name].widget
            assert isinstance(widget, RuleWidget)
            widget.agreement_ref = agreement_ref
        if self.instance.pk:
            self.initial.update(_initial_values(self.instance))
            self.fields["ref"].disabled = True
        for name in ("obligors", "obligees"):
            self._offer_parties(name, parties)

    def _offer_parties(self, name: str, parties: Sequence[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, fields.CheckboxesField)
        chosen = (
            field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
            if self.is_bound
            else self.initial.get(name)
        )
        field.offer(parties, keep=chosen or ())

    def clean(self) -> dict[str, Any]:
        """Reject a policy with only one of its two parts, because the other would be undefined."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        halves = (policies.REMINDERS, policies.ESCALATIONS)
        missing = [name for name in halves if name in values and values[name] is None]
        if len(missing) == 1 and not any(name in self.errors for name in halves):
            sentence = (
                "Enter both reminders and escalations, or neither: the policy of an obligation "
                "replaces that of its agreement as a whole."
            )
            self.add_error(missing[0], sentence)
        return values

    def draft_values(self) -> dict[str, Any]:
        """Return the values of the form in the format of a draft."""
        values = without_empty(policies.with_policy(dict(self.cleaned_data)))
        unit = values.pop("grace_unit", None)
        if "grace_count" in values:
            values["grace"] = {"count": values.pop("grace_count"), "unit": unit}
        values.setdefault("obligors", [])
        values.setdefault("obligees", [])
        return {name: values[name] for name in values if name in ObligationDraft.model_fields}


def _initial_values(obligation: Obligation) -> dict[str, Any]:
    grace = obligation.grace or {}
    quantity = obligation.target_quantity
    sides = list(obligation.sides.all())
    return {
        "obligors": _party_codes(sides, Capacity.OBLIGOR),
        "obligees": _party_codes(sides, Capacity.OBLIGEE),
        "due": obligation.due,
        "binds_on": instants.period_input(obligation, "binds_on"),
        "starts": obligation.starts,
        "grace_count": grace.get("count"),
        "grace_unit": grace.get("unit") or GraceUnit.DAYS.value,
        "responsible": [each.name for each in obligation.responsibilities.all()],
        "parent": obligation.parent.ref if obligation.parent else "",
        "target_quantity": None if quantity is None else number_text(quantity),
        **policies.initial_steps(obligation.notification_policy),
    }


def _party_codes(sides: Sequence[Any], capacity: Capacity) -> list[str]:
    return [side.party.code for side in sides if side.capacity == capacity.value]


class ObligationFormSet(DraftFormSet):
    """The obligations of an agreement, one page at a time."""

    most_rows = 100

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """Return the parties on offer: the agreement's, and those posted with this form."""
        if not hasattr(self, "_parties"):
            agreement = self.instance
            stored = agreement.parties.values_list("code", "name") if agreement.pk else ()
            posted_names = filter(_POSTED_PARTY.fullmatch, self.data)
            # PostgreSQL fails on NUL; the form of the party itself reports it.
            codes = [self.data[k] for k in posted_names if "\x00" not in self.data[k]]
            posted = Party.objects.filter(code__in=codes).values_list("code", "name")
            names = {code: f"{code} {name}" for code, name in (*stored, *posted)}
            self._parties = list(names.items())
        return {
            **super().get_form_kwargs(index),
            "parties": self._parties,
            "agreement_ref": self.instance.ref if self.instance.pk else "",
        }


class ObligationInline(DraftRowsMixin, StackedInline):
    """The obligations of an agreement."""

    model = Obligation
    form = ObligationForm
    formset = ObligationFormSet
    problem_path = "obligations"
    collapsible = True
    can_delete = False
    per_page = 25
    fields = (
        ("ref", "title"),
        ("kind", "severity"),
        ("obligors", "obligees"),
        "due",
        ("grace_count", "grace_unit"),
        ("starts", "binds_on"),
        "clause",
        "text",
        ("tags", "responsible", "parent"),
        ("roll_up", "roll_up_share"),
        ("target_bound", "target_quantity", "unit"),
        (policies.REMINDERS, policies.ESCALATIONS),
        "survives_termination",
    )

    @admin.display(description="Reminders")
    def notification_policy_reminders(self, obligation: Obligation) -> str:
        """Return the obligation's own reminders, for users who may only view it."""
        return policies.policy_text(obligation.notification_policy, "reminders", _INHERITED)

    @admin.display(description="Escalations")
    def notification_policy_escalations(self, obligation: Obligation) -> str:
        """Return the obligation's own escalations, for users who may only view it."""
        return policies.policy_text(obligation.notification_policy, "escalations", _INHERITED)

    def get_extra(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> int:
        """Offer one empty row on a new agreement."""
        return 0 if obj else 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with parents and parties, in a fixed number of queries."""
        found = super().get_queryset(request).select_related("parent")
        return found.prefetch_related(
            "sides__party", "responsibilities__user", "responsibilities__team"
        )
