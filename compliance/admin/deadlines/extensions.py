"""The form that records an extension, or that a deadline was postponed without a date."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from compliance.admin import instants
from compliance.admin.deadlines.fact_forms import FactForm
from compliance.admin.record_forms import confirm_field, date_field, period_field, time_field
from compliance.domain.civil_time import zone_label
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import FactKind


class ExtensionForm(FactForm):
    """Records that the due date was extended."""

    kind = FactKind.EXTENSION
    heading = "Record an extension"
    advice = (
        "The due date changes when the extension takes effect. If that is before the deadline "
        "passed, there was no breach; if it is after that, the breach ends then. Without a new "
        "date, the deadline is postponed until another extension sets one."
    )
    success_message = "Extension recorded."

    due_on = date_field("New due date")
    due_time = time_field("New due time", "Leave empty for the end of that day.")
    due_period = period_field("Or only the new period")
    on = date_field("Takes effect on")
    confirm = confirm_field()
    field_order = (
        "due_on",
        "due_time",
        "due_period",
        "on",
        "time",
        "period",
        "timezone",
        "note",
        "evidence",
        "confirm",
    )
    aliases = {"at": "time", "due": "due_on"}

    def prepare(self, as_of: datetime) -> None:
        """Show the current due date as help text."""
        super().prepare(as_of)
        due = instants.due_text(self.deadline)
        self.fields["due_on"].help_text = (
            f"Currently {due} in {zone_label(self.deadline.timezone)}. Leave empty to postpone it "
            "without a date."
        )

    def own_values(self) -> dict[str, Any]:
        """Return the new due date, if there is one, in the time zone of the deadline."""
        on, at = self.cleaned_data.get("due_on"), self.cleaned_data.get("due_time")
        on = self.cleaned_data.get("due_period") or on
        if at and not on:
            raise refusal("due/on", "Enter the new due date as well.")
        if not on:
            return {}
        return {"due": {"type": "date", "on": on, "time": at, "timezone": self.deadline.timezone}}
