"""The form that purges an agreement."""

from __future__ import annotations

from datetime import datetime

from compliance.admin import fields
from compliance.admin.pages import rows_text
from compliance.admin.record_forms import AgreementRecordForm
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.domain.drafts import read
from compliance.domain.problems import refusal
from compliance.models import Agreement, User
from compliance.operations.integrity import purges


class PurgeForm(AgreementRecordForm):
    """Removes an agreement permanently."""

    heading = "Purge the agreement"
    advice = (
        "The agreement and everything that belongs to it are removed permanently: obligations, "
        "deadlines, facts, evidence with its files, positions, ledger, alerts, messages and change "
        "history. Only a tombstone remains, with the reason, your name and the hashes of what was "
        "removed. This cannot be undone. To hide the agreement instead, archive it."
    )
    success_message = "Agreement purged."
    submit = "Purge the agreement permanently"
    is_destructive = True

    reason = fields.text_field(
        required=True, help_text="Why it is purged. This is kept in the tombstone."
    )
    ref = fields.text_field(
        required=True, label="Ref of the agreement", help_text="Type it to confirm the purge."
    )

    def record(self, *, by: User, as_of: datetime) -> None:
        """Purge the agreement.

        Raises:
            Invalid: the typed ref is not that of the agreement.
        """
        if self.cleaned_data["ref"] != self.agreement.ref:
            raise refusal("ref", f"Type {self.agreement.ref} to confirm the purge.")
        draft = read(ReasonDraft, {"reason": self.cleaned_data["reason"]})
        purges.purge_agreement(agreement=self.agreement, reason=draft.reason, by=by, as_of=as_of)


def effect_of(form_class: type[AgreementRecordForm], agreement: Agreement) -> str:
    """Return a sentence that states what a form about an agreement affects, with numbers."""
    if issubclass(form_class, PurgeForm):
        listed = rows_text(purges.counts_of(agreement))
        return f"To be removed: {listed or 'only the agreement itself'}."
    affected = agreement.deadlines.filter(is_closed=False)
    count = affected.filter(obligation__survives_termination=False).count()
    return f"Open deadlines affected: {count}."
