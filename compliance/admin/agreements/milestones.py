"""The milestones of an agreement: events from which due dates are counted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin

from compliance.admin import fields, instants
from compliance.admin.due_dates.due_rules import RuleField
from compliance.admin.formsets import FilledRowFormSet, PartInline
from compliance.admin.operation_forms import DraftForm, without_empty
from compliance.admin.theme import CheckboxInput, TextInput
from compliance.models import Milestone

_FIELDS = ("ref", "title", "on", "at", "due", "is_per_party", "party_dates")
_OF_DRAFT = ("ref", "title", "on", "at", "due")


class MilestoneForm(DraftForm):
    """The fields of a milestone."""

    ref = fields.text_field(widget=TextInput(attrs={"placeholder": "in-force"}))
    title = fields.text_field(widget=TextInput(attrs={"placeholder": "Entry into force"}))
    on = fields.PeriodTextField(label="Date")
    at = fields.text_field(
        label="Or exact time", widget=TextInput(attrs={"placeholder": "2026-02-01T09:00:00Z"})
    )

    due = RuleField(
        types=("offset",),
        without_rule="no, the date is given here",
        label="Or counted from another milestone",
        help_text="The date then follows from that milestone.",
    )

    is_per_party = forms.BooleanField(
        label="Each party has its own date", required=False, widget=CheckboxInput()
    )
    party_dates = fields.LongTextField(
        label="Dates by party", help_text="One party per line, such as DEU 2026-02-01"
    )
    aliases = {"dates": "party_dates"}

    class Meta:
        model = Milestone
        fields = _OF_DRAFT

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["on"] = instants.period_input(self.instance, "on")
            self.initial["is_per_party"] = self.instance.dates is not None
            self.initial["party_dates"] = _lines_of(self.instance)
        if self.instance.pk and self.instance.at:
            self.initial["at"] = self.instance.at.isoformat().replace("+00:00", "Z")


class MilestoneFormSet(FilledRowFormSet):
    """The milestones of an agreement."""

    key_field = "ref"
    most_rows = 500  # of an agreement

    def draft_rows(self) -> list[dict[str, Any]]:
        """Return the rows in the format of an agreement's draft."""
        return [
            without_empty({name: row.cleaned_data.get(name) for name in _OF_DRAFT})
            | _dates_of(row.cleaned_data)
            for row in self.rows()
        ]


def _dates_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return the dates of parties, which make a milestone one of which each party has a date."""
    lines = [line.split() for line in (values.get("party_dates") or "").splitlines()]
    dates = [
        {"party": words[0], "at" if "T" in words[-1] else "on": " ".join(words[1:])}
        for words in lines
        if words
    ]
    return {"dates": dates} if dates or values.get("is_per_party") else {}


class MilestoneInline(PartInline):
    """The milestones of an agreement. What depends on one without a date is dormant."""

    model = Milestone
    form = MilestoneForm
    formset = MilestoneFormSet
    fields = _FIELDS
    parent_model_name = "agreement"
    problem_path = "milestones"
    extra = 0

    @admin.display(description="Each party has its own date", boolean=True)
    def is_per_party(self, milestone: Milestone) -> bool:
        """Return whether each party has a date of its own, for users who may only view it."""
        return milestone.dates is not None

    @admin.display(description="Dates by party")
    def party_dates(self, milestone: Milestone) -> str:
        """Return the dates of parties, for users who may only view them."""
        return _lines_of(milestone).replace("\n", ", ") or "-"


def _lines_of(milestone: Milestone) -> str:
    """Return the dates of parties, one on each line."""
    dates = milestone.dates or ()
    return "\n".join(f"{each['party']} {each['on'] or each['at']}" for each in dates)
