"""The form that records a determination: whether an obligation was met, in the user's judgement."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from compliance.admin import fields
from compliance.admin.deadlines.fact_forms import FactForm, target_text
from compliance.admin.deadlines.facts import fact_label
from compliance.admin.operation_forms import without_empty
from compliance.admin.theme import CheckboxInput, NumberInput, Select
from compliance.domain.vocabulary import FactKind, Verdict
from compliance.queries.deadlines.effective_facts import effective_facts_of


class DeterminationForm(FactForm):
    """Records a determination."""

    kind = FactKind.DETERMINATION
    heading = "Record a determination"
    advice = (
        "Your own conclusion from the evidence. “Met” means that the obligation was met on "
        "this date. With “partly met” or “not met”, only the share or quantity below counts as "
        "performed by then, regardless of earlier records. For an obligation to maintain or "
        "refrain, “not met” begins a breach and “met” ends it; after the end of the period, "
        "the determination covers the whole period. A date without a time means the start of "
        "that day."
    )
    success_message = "Determination recorded."
    aliases = {"at": "time", "supersedes": "replaces"}

    verdict = fields.enum_field(Verdict, label="Verdict")
    share = forms.DecimalField(
        required=False,
        widget=NumberInput(),
        help_text="If partly met: the accepted share of the whole, such as 0.6, if it is known.",
    )
    is_final = forms.BooleanField(
        label="Final",
        required=False,
        widget=CheckboxInput(),
        help_text="If partly met or not met: the deadline is closed as unmet, and escalations end.",
    )
    quantity = forms.DecimalField(label="Or quantity", required=False, widget=NumberInput())
    note = fields.LongTextField(
        label="Reasons", required=True, help_text="The grounds for your conclusion."
    )
    replaces = forms.ChoiceField(
        label="Replaces",
        required=False,
        widget=Select(),
        help_text="An earlier determination. It stays on record but no longer has any effect.",
    )
    field_order = (
        "verdict", "share", "quantity", "is_final", "on", "time", "period", "timezone", "note",
        "evidence", "replaces",
    )  # fmt: skip

    def prepare(self, as_of: datetime) -> None:
        """Remove the fields and choices that do not apply to the deadline."""
        super().prepare(as_of)
        target = target_text(self.deadline)
        if target and self.deadline.performed_quantity is not None:
            self.fields["quantity"].help_text = f"The total accepted, out of {target}."
        else:
            del self.fields["quantity"]
        earlier = [
            (str(fact.pk), fact_label(fact))
            for fact in effective_facts_of(self.deadline)
            if fact.kind == FactKind.DETERMINATION.value
        ]
        fields.set_choices(self, "replaces", [("", "None"), *earlier])
        if not earlier:
            del self.fields["replaces"]

    def own_values(self) -> dict[str, Any]:
        """Return the conclusion, what is accepted, and the determination that this one replaces."""
        names = ("verdict", "share", "quantity")
        values = without_empty({name: self.cleaned_data.get(name) for name in names})
        if self.cleaned_data.get("is_final"):
            values["is_final"] = True
        replaced = self.cleaned_data.get("replaces")
        return {**values, "supersedes": int(replaced)} if replaced else values
