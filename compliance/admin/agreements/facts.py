"""Forms that record facts about an agreement as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django import forms

from compliance.admin import fields
from compliance.admin.deadlines.facts import retraction_values, set_fact_choices
from compliance.admin.operation_forms import without_empty
from compliance.admin.record_forms import (
    AgreementRecordForm,
    date_field,
    end_time_field,
    last_day_field,
    time_field,
    tolling_field,
    zone_field,
)
from compliance.admin.theme import RadioSelect
from compliance.domain.deadlines.drafts import AgreementFactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import FactKind
from compliance.models import User
from compliance.operations.deadlines import effects, facts


class AgreementFactForm(AgreementRecordForm):
    """The base of forms that record a fact about an agreement."""

    kind: ClassVar[FactKind]

    def draft_values(self) -> dict[str, Any]:
        """Return the values of the form in the format of a draft."""
        names = ("note", "evidence")
        common = without_empty({name: self.cleaned_data.get(name) for name in names})
        return {"type": self.kind.value, **self.effective_values(), **common}

    def record(self, *, by: User, as_of: datetime) -> None:
        """Record the fact."""
        draft = read(AgreementFactDraft, self.draft_values())
        fact = facts.record_of_agreement(agreement=self.agreement, draft=draft, by=by, as_of=as_of)
        self.warnings = effects.warnings_about(fact)


class DatedAgreementFactForm(AgreementFactForm):
    """The base of forms for facts with an effective date."""

    on = date_field()
    time = time_field()
    timezone = zone_field()
    note = fields.LongTextField(help_text="What happened, and how you know.")
    evidence = fields.CheckboxesField(help_text="Evidence that supports it.")


class AgreementSuspensionForm(DatedAgreementFactForm):
    """Suspends an agreement for a time."""

    kind = FactKind.SUSPENSION
    heading = "Suspend the agreement"
    advice = (
        "While the agreement is suspended, none of its deadlines can be missed. "
        "Obligations that survive termination are not affected."
    )
    success_message = "Suspension recorded."
    submit = "Suspend the agreement"
    is_destructive = True

    on = date_field("Begins on")
    until_on = last_day_field()
    until_time = end_time_field()
    is_tolling = tolling_field(
        "Due dates move by the length of the suspension. If this is not ticked, they stay "
        "where they are."
    )
    field_order = (
        "on", "time", "timezone", "until_on", "until_time", "is_tolling", "note", "evidence",
    )  # fmt: skip
    aliases = {"at": "time", "until": "until_on"}

    def draft_values(self) -> dict[str, Any]:
        """Return the values with the end of the suspension and its effect on due dates."""
        is_tolling = bool(self.cleaned_data.get("is_tolling"))
        return {**super().draft_values(), **self.until_values(), "is_tolling": is_tolling}


class TerminationForm(DatedAgreementFactForm):
    """Terminates an agreement before its end date."""

    kind = FactKind.TERMINATION
    heading = "Terminate the agreement"
    advice = (
        "The agreement ends on this date. Deadlines that are unmet by then are closed as "
        "unmet, and those that are not due yet are cancelled. A grace period that has already "
        "begun continues. Obligations that survive termination are not affected."
    )
    success_message = "Termination recorded."
    submit = "Terminate the agreement"
    is_destructive = True

    on = date_field("Takes effect on")


class AgreementRetractionForm(AgreementFactForm):
    """Retracts a fact about an agreement that was recorded by mistake."""

    kind = FactKind.RETRACTION
    heading = "Retract a suspension or termination"
    advice = (
        "The fact stays on record but no longer has any effect: every deadline gets the status "
        "that it would have without it."
    )
    success_message = "Fact retracted."
    submit = "Retract"
    is_destructive = True
    aliases = {"supersedes": "fact"}

    fact = forms.ChoiceField(widget=RadioSelect())
    note = fields.LongTextField(help_text="Why it is retracted.")

    def prepare(self, as_of: datetime) -> None:
        """Offer the facts that are in effect."""
        set_fact_choices(self, self.agreement)

    def draft_values(self) -> dict[str, Any]:
        """Return the fact to retract and the reason."""
        return retraction_values(self.cleaned_data)
