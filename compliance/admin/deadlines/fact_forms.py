"""Forms that record facts about a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms

from compliance.admin import fields, proposed
from compliance.admin.deadlines.facts import retraction_values, set_fact_choices
from compliance.admin.operation_forms import without_empty
from compliance.admin.record_forms import (
    DeadlineRecordForm,
    confirm_field,
    date_field,
    end_time_field,
    last_day_field,
    period_field,
    time_field,
    tolling_field,
    zone_field,
)
from compliance.admin.theme import NumberInput, RadioSelect
from compliance.domain.deadlines.amounts import amount_text
from compliance.domain.deadlines.amounts import target_text as bounded_target_text
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import FactKind, TargetBound
from compliance.models import Deadline, Proposal, User
from compliance.operations.agreements import proposals
from compliance.operations.deadlines import effects


class DeadlineFactForm(DeadlineRecordForm):
    """The base of forms that record a fact, or propose it if it requires approval."""

    def submit_fact(self, values: Mapping[str, Any], *, by: User, as_of: datetime) -> None:
        """Record or propose the fact with these values."""
        stored = proposals.submit(
            deadline=self.deadline,
            draft=read(FactDraft, values),
            by=by,
            as_of=as_of,
            is_confirmed=bool(self.cleaned_data.get("confirm")),
        )
        if isinstance(stored, Proposal):
            self.success_message = proposed.sentence(stored.pk)
            self.warnings = effects.warnings_of_proposal(stored)
        else:
            self.warnings = effects.warnings_about(stored)


class FactForm(DeadlineFactForm):
    """The base of forms for facts with an effective date."""

    kind: ClassVar[FactKind]

    on = date_field()
    time = time_field()
    period = period_field()
    timezone = zone_field()
    note = fields.LongTextField(help_text="What happened, and how you know.")
    evidence = fields.CheckboxesField(help_text="Evidence that supports it.")

    def own_values(self) -> dict[str, Any]:
        """Return the values that only this kind of fact has."""
        return {}

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record or propose the fact."""
        names = ("note", "evidence")
        common = without_empty({name: self.cleaned_data.get(name) for name in names})
        values = {
            "type": self.kind.value,
            **self.effective_values(),
            **common,
            **self.own_values(),
        }
        self.submit_fact(values, by=by, as_of=as_of)


def target_text(deadline: Deadline) -> str:
    """Return the target quantity with its unit, or an empty text if there is none."""
    obligation = deadline.obligation
    target = deadline.target_quantity
    if target is None:
        target = obligation.target_quantity
    return "" if target is None else amount_text(target, obligation.unit)


class PerformanceForm(FactForm):
    """Records that an obligation was performed, wholly or in part."""

    kind = FactKind.PERFORMANCE
    heading = "Record a performance"
    advice = (
        "The obligation was performed: on time, late or in part. A breach that has begun ends but "
        "stays on record."
    )
    success_message = "Performance recorded."

    quantity = forms.DecimalField(required=False, widget=NumberInput())
    field_order = ("on", "time", "period", "timezone", "quantity", "note", "evidence")

    def prepare(self, as_of: datetime) -> None:
        """Ask for a quantity only if there is a target."""
        super().prepare(as_of)
        target = target_text(self.deadline)
        if target:
            self.fields["quantity"].help_text = f"Out of {target}. Leave empty for all of it."
        else:
            del self.fields["quantity"]

    def own_values(self) -> dict[str, Any]:
        """Return the quantity."""
        return without_empty({"quantity": self.cleaned_data.get("quantity")})


class MeasurementForm(FactForm):
    """Records the value on a day of what the target is about."""

    kind = FactKind.MEASUREMENT
    heading = "Record a measurement"
    advice = (
        "The value on this date. It stays in force until a later value is measured. For an "
        "obligation to achieve something, the value in force on the due date decides, or else "
        "the first later one that keeps to the target. For an obligation to maintain or "
        "refrain, a value out of bounds is a violation until a value within bounds is measured."
    )
    success_message = "Measurement recorded."

    quantity = forms.DecimalField(label="Value", required=False, widget=NumberInput())
    on = date_field("Value of")
    confirm = confirm_field()
    field_order = ("quantity", "on", "time", "period", "timezone", "note", "evidence", "confirm")

    def prepare(self, as_of: datetime) -> None:
        """Show the target as help text."""
        super().prepare(as_of)
        obligation, target = self.deadline.obligation, self.deadline.target_quantity
        if target is None:
            target = obligation.target_quantity
        if target is not None:
            bound = TargetBound(obligation.target_bound)
            shown = bounded_target_text(target, bound, obligation.unit)
            self.fields["quantity"].help_text = f"The target is {shown}."

    def own_values(self) -> dict[str, Any]:
        """Return the measured value."""
        return without_empty({"quantity": self.cleaned_data.get("quantity")})


class ViolationForm(FactForm):
    """Records that an obligation to maintain or refrain was violated."""

    kind = FactKind.VIOLATION
    heading = "Record a violation"
    advice = (
        "The obligation was violated. The deadline is unmet from the beginning of the violation "
        "to its end. To end an open violation, retract it and record it again with its last day."
    )
    success_message = "Violation recorded."

    on = date_field("Began on")
    until_on = last_day_field()
    until_time = end_time_field()
    field_order = (
        "on", "time", "period", "timezone", "until_on", "until_time", "note", "evidence",
    )  # fmt: skip
    aliases = {"at": "time", "until": "until_on"}

    def own_values(self) -> dict[str, Any]:
        """Return the end of the violation."""
        return self.until_values()


class SuspensionForm(FactForm):
    """Suspends a deadline for a time."""

    kind = FactKind.SUSPENSION
    heading = "Suspend the deadline"
    advice = "While the deadline is suspended, it cannot be missed and no alerts are sent."
    success_message = "Suspension recorded."

    on = date_field("Begins on")
    until_on = last_day_field()
    until_time = end_time_field()
    is_tolling = tolling_field(
        "The due date moves by the length of the suspension. If this is not ticked, it "
        "stays where it is."
    )
    field_order = (
        "on", "time", "period", "timezone", "until_on", "until_time", "is_tolling", "note",
        "evidence",
    )  # fmt: skip
    aliases = {"at": "time", "until": "until_on"}

    def own_values(self) -> dict[str, Any]:
        """Return the end of the suspension and its effect on the due date."""
        is_tolling = bool(self.cleaned_data.get("is_tolling"))
        return {**self.until_values(), "is_tolling": is_tolling}


class RestatementForm(FactForm):
    """Records that the parties changed the target quantity."""

    kind = FactKind.RESTATEMENT
    heading = "Restate the target"
    advice = (
        "The parties agreed on a different quantity. It applies from the date on which the change "
        "takes effect; earlier performances count towards it."
    )
    success_message = "Target restated."

    quantity = forms.DecimalField(label="New target", required=False, widget=NumberInput())
    on = date_field("Takes effect on")
    confirm = confirm_field()
    field_order = ("quantity", "on", "time", "period", "timezone", "note", "evidence", "confirm")

    def prepare(self, as_of: datetime) -> None:
        """Show the current target as help text."""
        super().prepare(as_of)
        target = target_text(self.deadline)
        self.fields["quantity"].help_text = f"Currently {target}." if target else "Currently none."

    def own_values(self) -> dict[str, Any]:
        """Return the new target."""
        return without_empty({"quantity": self.cleaned_data.get("quantity")})


class TriggerForm(FactForm):
    """Records the event that a dormant deadline waits for."""

    kind = FactKind.TRIGGER
    heading = "Record the trigger"
    advice = (
        "Use this if the event that the deadline is waiting for has happened, but is neither a "
        "milestone nor a fact about another obligation. The due date is counted from this date."
    )
    success_message = "Trigger recorded."

    on = date_field("Happened on")
    confirm = confirm_field()
    field_order = ("on", "time", "period", "timezone", "note", "evidence", "confirm")


class WaiverForm(FactForm):
    """Records that the obligee waived the obligation."""

    kind = FactKind.WAIVER
    heading = "Record a waiver"
    advice = (
        "The obligee waives the obligation. If the waiver takes effect before the deadline "
        "passed, there was no breach; if it takes effect after that, the breach ends then."
    )
    success_message = "Waiver recorded."


class CancellationForm(FactForm):
    """Cancels a deadline."""

    kind = FactKind.CANCELLATION
    heading = "Cancel the deadline"
    advice = (
        "The obligation no longer applies, for example because the agreement ended. The deadline "
        "stays on record."
    )
    success_message = "Deadline cancelled."
    submit = "Cancel the deadline"
    is_destructive = True


class RetractionForm(DeadlineFactForm):
    """Retracts a fact about a deadline that was recorded by mistake."""

    heading = "Retract a fact"
    advice = (
        "The fact stays on record but no longer has any effect: the deadline gets the status that "
        "it would have without it. To correct a fact, retract it and record it again."
    )
    success_message = "Fact retracted."
    submit = "Retract"
    is_destructive = True
    aliases = {"supersedes": "fact"}

    fact = forms.ChoiceField(widget=RadioSelect())
    note = fields.LongTextField(help_text="Why it is retracted.")
    confirm = confirm_field()

    def prepare(self, as_of: datetime) -> None:
        """Offer the facts that are in effect."""
        set_fact_choices(self, self.deadline)

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record or propose the retraction."""
        self.submit_fact(retraction_values(self.cleaned_data), by=by, as_of=as_of)
