"""Parties: who can owe or be owed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone

from compliance.admin import fields
from compliance.admin.history import HistoryAdmin
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import PartyKind
from compliance.models import Party
from compliance.operations.agreements import parties


class PartyForm(DraftForm):
    """What is asked of a party."""

    code = fields.line(required=True, help_text="Capital letters and digits, such as CHN or ACME.")
    name = fields.line(required=True)
    kind = fields.choice(PartyKind)
    country = fields.line(help_text="Two capital letters, such as CN. May be left empty.")
    timezone = fields.time_zone(
        label="Time zone",
        required=True,
        help_text="Where a due date names no zone, the day ends where the obligor is.",
    )

    class Meta:
        model = Party
        fields = ("code", "name", "kind", "country", "timezone")


@admin.register(Party)
class PartyAdmin(OperationAdmin, HistoryAdmin):
    """Add and correct parties, through `operations.parties`."""

    form = PartyForm
    change_form_after_template = "admin/pacta/zones.html"
    list_display = ("code", "name", "kind", "country", "timezone")
    list_display_links = ("code", "name")
    list_filter = ("kind",)
    search_fields = ("code", "name")
    fields = ("code", "name", "kind", "country", "timezone")

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """A stored party keeps its code: others refer to it."""
        return ("code",) if obj else ()

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store or correct the party."""
        values = given(form.cleaned_data)
        if isinstance(stored, Party):
            draft = read(PartyDraft, {**values, "code": stored.code})
            return parties.update(party=stored, draft=draft, as_of=timezone.now())
        return parties.create(draft=read(PartyDraft, values))
