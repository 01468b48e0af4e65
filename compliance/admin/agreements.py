"""Agreements, entered and corrected on one page with their parties and obligations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from compliance.admin import fields
from compliance.admin.history import HistoryAdmin
from compliance.admin.rights import right
from compliance.admin.saving import DraftForm, OperationAdmin, given, place, refused
from compliance.admin.theme import (
    Choice,
    InlineFormSet,
    Number,
    StackedInline,
    TabularInline,
    button,
)
from compliance.domain.drafts import AgreementDraft, ObligationDraft, read
from compliance.domain.due_rules import GraceUnit
from compliance.domain.problems import Invalid, Problem
from compliance.domain.timeline import BREACHED
from compliance.domain.vocabulary import AgreementKind, Capacity, Severity
from compliance.models import Agreement, AgreementParty, Obligation, Party
from compliance.operations import agreements

_POSTED_PARTY = re.compile(r"memberships-\d+-party")
_UNMET = tuple(status.value for status in BREACHED)


class AgreementForm(DraftForm):
    """What is asked of the agreement itself."""

    ref = fields.line(
        required=True, help_text="Its short name in addresses, such as geneva-2025. It stays."
    )
    title = fields.line(required=True)
    kind = fields.choice(AgreementKind)
    signed_on = fields.Day()
    in_force_on = fields.Day()
    ends_on = fields.Day()
    timezone = fields.time_zone(
        label="Time zone", help_text="Leave empty if each due date ends where its obligor is."
    )
    calendars = fields.Words(
        help_text="For grace periods in business days: US, CN, DE-BY; empty means weekends only."
    )

    class Meta:
        model = Agreement
        fields = (
            "ref", "title", "kind", "signed_on", "in_force_on", "ends_on", "timezone", "calendars",
        )  # fmt: skip


class MembershipForm(DraftForm):
    """One party to the agreement, by its code."""

    party = forms.ChoiceField(required=False, widget=Choice())
    role = fields.line()
    aliases = {"code": "party"}

    class Meta:
        model = AgreementParty
        fields = ("party", "role")

    def __init__(self, *args: Any, parties: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["party"] = self.instance.party.code
        party = self.fields["party"]
        assert isinstance(party, forms.ChoiceField)
        party.choices = [fields.UNCHOSEN, *parties]


class MembershipFormSet(InlineFormSet):
    """The parties to the agreement."""

    refused: Sequence[Problem] = ()

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """The parties on offer, read once for all rows."""
        if not hasattr(self, "_parties"):
            self._parties = [
                (code, f"{name} ({code})")
                for code, name in Party.objects.order_by("name").values_list("code", "name")
            ]
        return {**super().get_form_kwargs(index), "parties": self._parties}

    def kept(self) -> list[Any]:
        """The rows that name a party, in their order; their place is the draft's index."""
        return [
            form
            for form in self.forms
            if (form.cleaned_data.get("party") if hasattr(form, "cleaned_data") else None)
            and not form.cleaned_data.get("DELETE")
        ]

    def clean(self) -> None:
        """Put what the operation refused on the rows that it speaks of."""
        # The rows as they were read: an error takes a row's value away.
        rows = self.kept()
        for problem in self.refused:
            _, _, path = problem.path.partition("/")
            index, _, field = path.partition("/")
            if index.isdigit() and int(index) < len(rows):
                place(rows[int(index)], [Problem(path=field, detail=problem.detail)])
            else:
                raise forms.ValidationError(problem.detail)


class MembershipInline(TabularInline):
    """The parties to the agreement, each with its role."""

    model = AgreementParty
    form = MembershipForm
    formset = MembershipFormSet
    fields = ("party", "role")
    hide_title = True
    verbose_name_plural = "parties"
    verbose_name = "party"

    def get_extra(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> int:
        """Two empty rows on a new agreement: it takes two."""
        return 0 if obj else 2

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the parties themselves."""
        return super().get_queryset(request).select_related("party")

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """The formset, knowing what was refused a moment ago."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.refused = [each for each in refused(request) if _is_below(each, "parties")]
        return formset

    # Who may change an agreement may change who is party to it: they are one form.
    def has_view_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the agreement."""
        return _may(request, "view") or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the agreement."""
        return _may(request, "change" if obj else "add")

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the agreement."""
        return _may(request, "change" if obj else "add")

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """As for the agreement."""
        return _may(request, "change" if obj else "add")


class ObligationForm(DraftForm):
    """What is asked of one obligation."""

    ref = fields.line(required=True, help_text="Such as CN-2d. It stays.")
    title = fields.line(required=True)
    severity = fields.choice(Severity, initial=Severity.NORMAL.value)
    obligors = fields.Boxes(label="Obligors", help_text="Who owes it.")
    obligees = fields.Boxes(label="Obligees", help_text="To whom it is owed.")
    clause = fields.line(help_text="Where it stands, such as Art. 3(1).")
    text = fields.Prose(help_text="The words of the agreement.")
    due_on = fields.Day(label="Due on", help_text="Without a day there is no deadline.")
    due_time = fields.Clock(label="Due time", help_text="Empty: by the end of the day.")
    due_timezone = fields.time_zone(
        label="Due time zone", help_text="Empty: the agreement's, else the obligor's."
    )
    grace_count = forms.IntegerField(
        label="Grace period", required=False, min_value=0, widget=Number()
    )
    grace_unit = fields.choice(
        GraceUnit, label="Grace unit", required=False, initial=GraceUnit.DAYS.value
    )
    tags = fields.Words(help_text="Separated by commas.")
    owner = fields.line(help_text="The mail address of whoever looks after it.")
    parent = fields.line(help_text="The ref of the obligation that it is a component of.")
    target_quantity = forms.DecimalField(
        required=False, widget=Number(), help_text="What performances must add up to."
    )
    unit = fields.line(help_text="Of the quantity, such as t.")
    aliases = {"due": "due_on", "grace": "grace_count"}

    class Meta:
        model = Obligation
        fields = (
            "ref", "title", "severity", "clause", "text", "tags", "owner", "target_quantity",
            "unit",
        )  # fmt: skip

    def __init__(self, *args: Any, members: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update(_initial(self.instance))
            self.fields["ref"].disabled = True
        for name in ("obligors", "obligees"):
            boxes = self.fields[name]
            assert isinstance(boxes, fields.Boxes)
            chosen = (
                boxes.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
                if self.is_bound
                else self.initial.get(name)
            )
            boxes.offer(members, also=chosen or ())

    def draft_values(self) -> dict[str, Any]:
        """What was filled in, as an obligation's draft reads it."""
        values = given(self.cleaned_data)
        due = {
            name: values.pop(f"due_{name}")
            for name in ("on", "time", "timezone")
            if f"due_{name}" in values
        }
        if due:
            values["due"] = {"type": "date", **due}
        unit = values.pop("grace_unit", None)
        if "grace_count" in values:
            values["grace"] = {"count": values.pop("grace_count"), "unit": unit}
        values.setdefault("obligors", [])
        values.setdefault("obligees", [])
        return {name: values[name] for name in values if name in ObligationDraft.model_fields}


def _initial(obligation: Obligation) -> dict[str, Any]:
    due = obligation.due or {}
    grace = obligation.grace or {}
    quantity = obligation.target_quantity
    if quantity is not None and quantity == quantity.to_integral_value():
        quantity = quantity.quantize(Decimal(1))
    sides = list(obligation.sides.all())
    return {
        "obligors": _codes(sides, Capacity.OBLIGOR),
        "obligees": _codes(sides, Capacity.OBLIGEE),
        "due_on": due.get("on") or "",
        "due_time": due.get("time") or "",
        "due_timezone": due.get("timezone") or "",
        "grace_count": grace.get("count"),
        "grace_unit": grace.get("unit") or GraceUnit.DAYS.value,
        "owner": obligation.owner or "",
        "parent": obligation.parent.ref if obligation.parent else "",
        "target_quantity": quantity,
    }


def _codes(sides: Sequence[Any], capacity: Capacity) -> list[str]:
    return [side.party.code for side in sides if side.capacity == capacity.value]


class ObligationFormSet(InlineFormSet):
    """The obligations of the agreement, one page of them."""

    refused: Sequence[Problem] = ()

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """The parties on offer: those of the agreement, those being added to it included."""
        if not hasattr(self, "_members"):
            agreement = self.instance
            here = agreement.parties.values_list("code", "name") if agreement.pk else ()
            members = {code: f"{code} {name}" for code, name in here}
            posted = [v for k, v in self.data.items() if v and _POSTED_PARTY.fullmatch(k)]
            added = Party.objects.filter(code__in=posted).values_list("code", "name")
            self._members = list({**members, **{c: f"{c} {n}" for c, n in added}}.items())
        return {**super().get_form_kwargs(index), "members": self._members}

    def clean(self) -> None:
        """Put what the operation refused on the rows that it speaks of."""
        for problem in self.refused:
            _, _, path = problem.path.partition("/")
            index, _, field = path.partition("/")
            if index.isdigit() and int(index) < len(self.forms):
                place(self.forms[int(index)], [Problem(path=field, detail=problem.detail)])
            else:
                raise forms.ValidationError(problem.detail)


class ObligationInline(StackedInline):
    """The obligations of the agreement."""

    model = Obligation
    form = ObligationForm
    formset = ObligationFormSet
    collapsible = True
    can_delete = False
    per_page = 25
    fields = (
        ("ref", "title", "severity"),
        ("obligors", "obligees"),
        ("due_on", "due_time", "due_timezone"),
        ("grace_count", "grace_unit"),
        "clause",
        "text",
        ("tags", "owner", "parent"),
        ("target_quantity", "unit"),
    )

    def get_extra(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> int:
        """One empty row on a new agreement."""
        return 0 if obj else 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With parents and sides, whatever the number of rows."""
        found = super().get_queryset(request).select_related("parent")
        return found.prefetch_related("sides__party")

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """The formset, knowing what was refused a moment ago."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.refused = [each for each in refused(request) if _is_below(each, "obligations")]
        return formset


@admin.register(Agreement)
class AgreementAdmin(OperationAdmin, HistoryAdmin):
    """Agreements with their parties and obligations, stored whole or not at all."""

    form = AgreementForm
    compressed_fields = False
    change_form_after_template = "admin/pacta/zones.html"
    inlines = (MembershipInline, ObligationInline)
    list_display = ("title", "ref", "kind", "signed_on", "in_force_on", "unmet", "all_deadlines")
    list_filter = ("kind",)
    search_fields = ("ref", "title", "memberships__party__code", "memberships__party__name")
    show_full_result_count = False
    has_see_deadlines_permission = right("compliance.view_deadline")
    actions_detail = ("deadlines",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("ref", "kind"),
                    "title",
                    ("signed_on", "in_force_on", "ends_on"),
                    ("timezone", "calendars"),
                )
            },
        ),
    )

    class Media:
        js = ("pacta/agreement.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many deadlines each has."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(
            deadline_count=Count("deadlines", distinct=True),
            unmet_count=Count("deadlines", distinct=True, filter=Q(deadlines__status__in=_UNMET)),
        )
        return counted

    @admin.display(description="Unmet", ordering="unmet_count")
    def unmet(self, agreement: Any) -> int | str:
        """How many of its deadlines stand unmet."""
        return agreement.unmet_count or "-"

    @admin.display(description="Deadlines", ordering="deadline_count")
    def all_deadlines(self, agreement: Any) -> int:
        """How many deadlines it has."""
        return int(agreement.deadline_count)

    def get_readonly_fields(self, request: HttpRequest, obj: Any | None = None) -> tuple[str, ...]:
        """A stored agreement keeps its ref: addresses and documents name it."""
        return ("ref",) if obj else ()

    @button(
        description="Deadlines",
        url_path="deadlines",
        icon="event_upcoming",
        permissions=["see_deadlines"],
    )
    def deadlines(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the deadlines of this agreement."""
        listing = reverse("admin:compliance_deadline_changelist")
        return HttpResponseRedirect(f"{listing}?agreement__id__exact={int(object_id)}")

    def problems_for_form(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """What speaks neither of a party nor of an obligation."""
        return [
            problem
            for problem in problems
            if not _is_below(problem, "parties") and not _is_below(problem, "obligations")
        ]

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store the agreement, its parties and the obligations that are new or changed."""
        members = next(each for each in formsets if isinstance(each, MembershipFormSet))
        obligations = next((each for each in formsets if isinstance(each, ObligationFormSet)), None)
        values = given(form.cleaned_data)
        if isinstance(stored, Agreement):
            values["ref"] = stored.ref
        values["parties"] = [
            {"code": each.cleaned_data["party"], "role": each.cleaned_data.get("role") or ""}
            for each in members.kept()
        ]
        problems: list[Problem] = []
        draft = _collect(problems, "", AgreementDraft, values)
        drafts: dict[str, ObligationDraft] = {}
        for index, each in enumerate(obligations.forms if obligations else ()):
            if not each.has_changed():
                continue
            path = f"obligations/{index}"
            row = _collect(problems, path, ObligationDraft, each.draft_values())
            if row is None:
                continue
            # An operation takes a known ref for a correction; an empty row means a new one.
            if not each.instance.pk and stored is not None and _is_taken(stored, row.ref):
                detail = f"There is already an obligation {row.ref}: choose another ref."
                problems.append(Problem(path=f"{path}/ref", detail=detail))
            drafts[path] = row
        if problems or draft is None:
            raise Invalid(problems)
        return agreements.save_whole(
            agreement=stored if isinstance(stored, Agreement) else None,
            draft=draft,
            obligation_drafts=drafts,
            as_of=timezone.now(),
        )


def _collect(problems: list[Problem], path: str, shape: Any, values: Any) -> Any:
    """The draft of some values, or nothing and its problems under a path."""
    try:
        return read(shape, values)
    except Invalid as error:
        problems += [problem.below(path) for problem in error.problems]
        return None


def _is_taken(agreement: Model, ref: str) -> bool:
    return Obligation.objects.filter(agreement_id=agreement.pk, ref=ref).exists()


def _is_below(problem: Problem, prefix: str) -> bool:
    return problem.path == prefix or problem.path.startswith(f"{prefix}/")


def _may(request: HttpRequest, verb: str) -> bool:
    return bool(request.user.has_perm(f"compliance.{verb}_agreement"))
