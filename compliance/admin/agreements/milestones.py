"""The milestones of an agreement: events from which due dates are counted."""

from __future__ import annotations

from typing import Any

from compliance.admin import fields, instants
from compliance.admin.due_dates.due_rules import RuleField
from compliance.admin.formsets import FilledRowFormSet, PartInline
from compliance.admin.operation_forms import DraftForm, without_empty
from compliance.admin.theme import TextInput
from compliance.models import Milestone

_FIELDS = ("ref", "title", "on", "at", "due")


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
        without_rule="no, it is dated here",
        label="Or counted from another milestone",
        help_text="The date then follows from that milestone.",
    )

    class Meta:
        model = Milestone
        fields = _FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["on"] = instants.period_input(self.instance, "on")
        if self.instance.pk and self.instance.at:
            self.initial["at"] = self.instance.at.isoformat().replace("+00:00", "Z")


class MilestoneFormSet(FilledRowFormSet):
    """The milestones of an agreement."""

    key_field = "ref"

    def draft_rows(self) -> list[dict[str, Any]]:
        """Return the rows in the format of an agreement's draft."""
        return [
            without_empty({name: row.cleaned_data.get(name) for name in _FIELDS})
            for row in self.rows()
        ]


class MilestoneInline(PartInline):
    """The milestones of an agreement. What depends on one without a date is dormant."""

    model = Milestone
    form = MilestoneForm
    formset = MilestoneFormSet
    fields = _FIELDS
    parent_model_name = "agreement"
    problem_path = "milestones"
    extra = 0
