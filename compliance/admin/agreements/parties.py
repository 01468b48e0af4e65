"""Parties, and which of them are parties to an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from compliance.admin import fields, urls
from compliance.admin.agreements.party_merges import MergeForm, RestorePartyForm, RetireForm
from compliance.admin.formsets import FilledRowFormSet, PartInline
from compliance.admin.history import HistoryAdmin
from compliance.admin.operation_forms import DraftForm, OperationAdmin, without_empty
from compliance.admin.pages import get_row_or_404, page_context
from compliance.admin.record_pages import RecordAdmin, RecordButton, record_page
from compliance.admin.searching import folded
from compliance.admin.theme import Select
from compliance.domain.agreements.drafts import PartyDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import PartyKind
from compliance.models import Agreement, AgreementParty, Party
from compliance.operations.agreements import merge_rights, parties


class PartyForm(DraftForm):
    """The fields of a party."""

    code = fields.text_field(
        required=True, help_text="Capital letters and digits, such as CHN or ACME."
    )
    name = fields.text_field(required=True)
    kind = fields.enum_field(PartyKind)
    country = fields.text_field(help_text="Two capital letters, such as CN. Optional.")
    timezone = fields.time_zone_field(
        label="Time zone",
        required=True,
        help_text="Used for the obligor's due dates that specify no time zone.",
    )

    class Meta:
        model = Party
        fields = ("code", "name", "kind", "country", "timezone")


@admin.register(Party)
class PartyAdmin(OperationAdmin, RecordAdmin, HistoryAdmin):
    """Adds and changes parties."""

    form = PartyForm
    change_form_after_template = "admin/pacta/time_zones.html"
    list_display = ("code", "name", "kind", "country", "timezone")
    list_display_links = ("code", "name")
    list_filter = ("kind", ("retired_at", admin.EmptyFieldListFilter))
    search_fields = folded("code", "name")
    record_buttons = (
        RecordButton(
            name="retire_party", label="Retire", icon="person_off",
            form_class=RetireForm, permissions=["change"],
        ),
        RecordButton(
            name="restore_party", label="Restore", icon="person_check",
            form_class=RestorePartyForm, permissions=["change"],
        ),
        RecordButton(
            name="merge_party", label="Merge into another party", icon="merge",
            form_class=MergeForm, permissions=["change", "merge"],
        ),
    )  # fmt: skip
    actions_detail = (
        {"title": "More", "icon": "more_horiz", "items": [each.name for each in record_buttons]},
    )
    fields = ("code", "name", "kind", "country", "timezone")

    def has_merge_permission(self, request: HttpRequest, _: Any = None) -> bool:
        """Return whether the user sees everything that a merge could change."""
        return merge_rights.may_merge()

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """Make the code of an existing party read-only, because documents refer to it."""
        return ("code",) if obj else ()

    def record_view(
        self, request: HttpRequest, object_id: str, form_class: type[Any]
    ) -> HttpResponse:
        """Show the page of a form that retires, restores or merges the party."""
        party = get_row_or_404(self, request, object_id, Party)
        return record_page(
            request,
            form_class(request.POST or None, party=party),
            as_of=timezone.now(),
            back=urls.row_url("party", party.pk),
            context={
                **page_context(self, request, party),
                "subtitle": str(party),
                "subject": party,
                "effect": _retirement(party),
                "back_to": "the party",
            },
        )

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Add or change the party."""
        values = without_empty(form.cleaned_data)
        if isinstance(existing, Party):
            draft = read(PartyDraft, {**values, "code": existing.code})
            return parties.update(party=existing, draft=draft, as_of=timezone.now())
        return parties.create(draft=read(PartyDraft, values))


def _retirement(party: Party) -> str:
    """Return whether a party is retired, in one sentence."""
    if party.merged_into is not None:
        return f"It was merged into {party.merged_into}."
    return "It is retired." if party.retired_at is not None else ""


class MembershipForm(DraftForm):
    """One party to an agreement, chosen by its code."""

    party = forms.ChoiceField(required=False, widget=Select())
    role = fields.text_field()
    aliases = {"code": "party"}

    class Meta:
        model = AgreementParty
        fields = ("party", "role")

    def __init__(self, *args: Any, parties: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["party"] = self.instance.party.code
        fields.set_choices(self, "party", [fields.EMPTY_CHOICE, *parties])


def _offered(agreement: Agreement | None) -> QuerySet[Party]:
    """Return the parties to choose from: those that are not retired, and current members."""
    wanted = Q(retired_at__isnull=True)
    if agreement is not None and agreement.pk:
        wanted |= Q(pk__in=agreement.memberships.values("party"))
    return Party.objects.filter(wanted).order_by("name")


class MembershipFormSet(FilledRowFormSet):
    """The parties to an agreement."""

    key_field = "party"
    most_rows = 500  # of an agreement

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """Return the choices of parties, which are queried once for all rows."""
        if not hasattr(self, "_parties"):
            self._parties = [
                (code, f"{name} ({code})")
                for code, name in _offered(self.instance).values_list("code", "name")
            ]
        return {**super().get_form_kwargs(index), "parties": self._parties}

    def draft_rows(self) -> list[dict[str, Any]]:
        """Return the rows in the format of an agreement's draft."""
        return [
            {"code": row.cleaned_data["party"], "role": row.cleaned_data.get("role") or ""}
            for row in self.rows()
        ]


class MembershipInline(PartInline):
    """The parties to an agreement and their roles."""

    model = AgreementParty
    form = MembershipForm
    formset = MembershipFormSet
    fields = ("party", "role")
    verbose_name_plural = "parties"
    verbose_name = "party"
    parent_model_name = "agreement"
    problem_path = "parties"

    def get_extra(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> int:
        """Offer two empty rows on a new agreement, which needs two parties."""
        return 0 if obj else 2

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with their parties."""
        return super().get_queryset(request).select_related("party")
