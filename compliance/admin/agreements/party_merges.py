"""Forms that retire, restore and merge parties."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from compliance.admin import fields
from compliance.admin.record_forms import RecordForm
from compliance.admin.theme import CheckboxInput, Select
from compliance.domain.agreements.drafts import MergeDraft, ReasonDraft
from compliance.domain.drafts import read
from compliance.domain.problems import refusal
from compliance.models import Party, User
from compliance.operations.agreements import party_merges


class PartyActionForm(RecordForm):
    """The base of forms about a party."""

    reason = fields.text_field(required=True, help_text="It is kept in the history of the party.")

    def __init__(self, *args: Any, party: Party, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)
        self.party = party

    def draft_reason(self) -> str:
        """Return the checked reason."""
        return read(ReasonDraft, {"reason": self.cleaned_data["reason"]}).reason


class RetireForm(PartyActionForm):
    """Retires a party."""

    heading = "Retire the party"
    advice = (
        "The party is no longer offered for new agreements, and new entries that name it are "
        "refused. Its existing agreements, obligations and deadlines stay as they are and "
        "still show it. You can restore it at any time."
    )
    success_message = "Party retired."
    submit = "Retire the party"

    def record(self, *, by: User, as_of: datetime) -> None:
        """Retire the party."""
        party_merges.retire(party=self.party, reason=self.draft_reason(), by=by, as_of=as_of)


class RestorePartyForm(PartyActionForm):
    """Offers a retired party again."""

    heading = "Restore the party"
    advice = "The party is offered for new entries again."
    success_message = "Party restored."
    submit = "Restore the party"

    def record(self, *, by: User, as_of: datetime) -> None:
        """Restore the party."""
        party_merges.restore(party=self.party, reason=self.draft_reason(), by=by)


class MergeForm(PartyActionForm):
    """Merges a duplicate into another party, once its effect has been confirmed."""

    heading = "Merge the party into another"
    advice = (
        "Everything moves to the other party: memberships, obligations, positions, evidence and "
        "subscriptions. Deadlines that follow the time zone of this party may move. This party is "
        "retired and refers to the other one. A merge cannot be undone."
    )
    success_message = "Parties merged."
    submit = "Merge"
    is_destructive = True

    into = forms.ChoiceField(label="Other party", widget=Select())
    confirm = forms.BooleanField(
        label="Merge the parties",
        required=False,
        widget=CheckboxInput(),
        help_text="Leave this unticked at first, to see what would change.",
    )
    field_order = ("into", "reason", "confirm")

    def __init__(self, *args: Any, party: Party, **kwargs: Any) -> None:
        super().__init__(*args, party=party, **kwargs)
        others = Party.objects.filter(retired_at__isnull=True).exclude(pk=party.pk)
        choices = [
            (code, f"{name} ({code})")
            for code, name in others.order_by("name").values_list("code", "name")
        ]
        fields.set_choices(self, "into", [fields.EMPTY_CHOICE, *choices])

    def record(self, *, by: User, as_of: datetime) -> None:
        """Merge the parties.

        Raises:
            Invalid: the effect has not been confirmed; the problem states it.
        """
        values = {"reason": self.cleaned_data["reason"], "into": self.cleaned_data["into"]}
        draft = read(MergeDraft, values)
        into = Party.objects.get(code=draft.into)
        if not self.cleaned_data.get("confirm"):
            effect = party_merges.merge_effect(duplicate=self.party, into=into)
            sentence = f"{effect.sentence} Tick this box to merge {self.party} into {into}."
            raise refusal("confirm", sentence)
        party_merges.merge(duplicate=self.party, into=into, reason=draft.reason, by=by, as_of=as_of)
