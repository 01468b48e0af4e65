"""Agreements, entered and corrected on one page with their parties and obligations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from compliance.admin import fields
from compliance.admin.alerts import notification_policies as ladders
from compliance.admin.answering import answer
from compliance.admin.deadlines import recording
from compliance.admin.due_dates.due_rules import RuleField, RuleWidget, known
from compliance.admin.history import HistoryAdmin
from compliance.admin.permissions import right
from compliance.admin.saving import DraftForm, OperationAdmin, given, place, refused
from compliance.admin.theme import (
    Checkbox,
    Choice,
    InlineFormSet,
    Number,
    StackedInline,
    TabularInline,
    Text,
    button,
)
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft
from compliance.domain.deadlines.timeline import BREACHED, CLOSED
from compliance.domain.drafts import read
from compliance.domain.due_dates.due_rules import GraceUnit
from compliance.domain.problems import Invalid, Problem
from compliance.domain.vocabulary import AgreementKind, Capacity, ObligationKind, RollUp, Severity
from compliance.models import Agreement, AgreementParty, Milestone, Obligation, Party
from compliance.operations.agreements import agreements

_POSTED_PARTY = re.compile(r"memberships-\d+-party")
_UNMET = tuple(status.value for status in BREACHED)
_CLOSED = tuple(status.value for status in CLOSED)
_RECORD_FACT = ["view", "record_fact"]


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
        help_text=(
            "Whose holidays count: US, CN, DE-BY, or one of the desk's own, such as desk:hq. "
            "Empty: weekends only."
        )
    )

    is_four_eyes = forms.BooleanField(
        label="Needs a second person",
        required=False,
        widget=Checkbox(),
        help_text="Determinations, waivers and extensions count when another person approves.",
    )
    ladder_reminders = ladders.RungsField(
        example="30, 7, 1",
        label="Reminders",
        help_text=(
            "Days before a due date, such as 30, 7, 1 or 10 business days, 1; or none. "
            "Empty: 30, 7 and 1 days."
        ),
    )
    ladder_escalations = ladders.RungsField(
        example="1, 7, 30",
        label="Escalations",
        help_text=(
            "Days after a miss was first told, while it lasts and nobody acknowledges it. "
            "Empty: after 1, 7 and 30 days."
        ),
    )

    class Meta:
        model = Agreement
        fields = (
            "ref", "title", "kind", "signed_on", "in_force_on", "ends_on", "timezone", "calendars",
            "is_four_eyes",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial.update(ladders.shown(self.instance.ladder))


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


class RowFormSet(InlineFormSet):
    """Rows that an agreement's draft takes as a list, at a path of its own."""

    refused: Sequence[Problem] = ()
    named_by: str

    def kept(self) -> list[Any]:
        """The rows that name something, in their order; their place is the draft's index."""
        return [
            form
            for form in self.forms
            if (form.cleaned_data.get(self.named_by) if hasattr(form, "cleaned_data") else None)
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


class MembershipFormSet(RowFormSet):
    """The parties to the agreement."""

    named_by = "party"

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """The parties on offer, read once for all rows."""
        if not hasattr(self, "_parties"):
            self._parties = [
                (code, f"{name} ({code})")
                for code, name in Party.objects.order_by("name").values_list("code", "name")
            ]
        return {**super().get_form_kwargs(index), "parties": self._parties}


class RowInline(TabularInline):
    """Rows of an agreement that are part of it."""

    path: str
    hide_title = True

    def get_formset(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> Any:
        """The formset, knowing what was refused a moment ago."""
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.refused = [each for each in refused(request) if _is_below(each, self.path)]
        return formset

    # Who may change an agreement may change its parties and milestones: they are one form.
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


class MembershipInline(RowInline):
    """The parties to the agreement, each with its role."""

    model = AgreementParty
    form = MembershipForm
    formset = MembershipFormSet
    fields = ("party", "role")
    verbose_name_plural = "parties"
    verbose_name = "party"
    path = "parties"

    def get_extra(self, request: HttpRequest, obj: Any | None = None, **kwargs: Any) -> int:
        """Two empty rows on a new agreement: it takes two."""
        return 0 if obj else 2

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With the parties themselves."""
        return super().get_queryset(request).select_related("party")


class MilestoneForm(DraftForm):
    """An event from which periods are counted."""

    ref = fields.line(widget=Text(attrs={"placeholder": "in-force"}))
    title = fields.line(widget=Text(attrs={"placeholder": "Entry into force"}))
    on = fields.Day(label="On the day")
    at = fields.line(
        label="Or at the instant", widget=Text(attrs={"placeholder": "2026-02-01T09:00:00Z"})
    )

    class Meta:
        model = Milestone
        fields = ("ref", "title", "on", "at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.at:
            self.initial["at"] = self.instance.at.isoformat().replace("+00:00", "Z")


class MilestoneFormSet(RowFormSet):
    """The milestones of the agreement."""

    named_by = "ref"


class MilestoneInline(RowInline):
    """The milestones of the agreement. Without a date, what hangs on one is dormant."""

    model = Milestone
    form = MilestoneForm
    formset = MilestoneFormSet
    fields = ("ref", "title", "on", "at")
    path = "milestones"
    extra = 0


class ObligationForm(DraftForm):
    """What is asked of one obligation."""

    ref = fields.line(required=True, help_text="Such as CN-2d. It stays.")
    title = fields.line(required=True)
    kind = fields.choice(
        ObligationKind, label="It is to", required=False, initial=ObligationKind.ACHIEVE.value
    )
    severity = fields.choice(Severity, initial=Severity.NORMAL.value)
    obligors = fields.Boxes(label="Obligors", help_text="Who owes it.")
    obligees = fields.Boxes(label="Obligees", help_text="To whom it is owed.")
    clause = fields.line(help_text="Where it stands, such as Art. 3(1).")
    text = fields.Prose(help_text="The words of the agreement.")
    due = RuleField(
        label="Due",
        help_text="For what is to be maintained, or refrained from: until when it binds.",
    )
    starts = RuleField(
        label="Binds from",
        types=("date", "offset"),
        help_text="For what is to be maintained, or refrained from. Empty: at once.",
    )
    is_surviving = forms.BooleanField(
        label="Survives the agreement",
        required=False,
        widget=Checkbox(),
        help_text="Its suspension and its termination do not reach this obligation.",
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
    roll_up = fields.choice(
        RollUp,
        label="Done when",
        required=False,
        initial=RollUp.ALL.value,
        help_text="How many of its components must be done, if it has any.",
    )
    roll_up_share = forms.DecimalField(
        label="Share", required=False, widget=Number(), help_text="Such as 0.75."
    )
    target_quantity = forms.DecimalField(
        required=False, widget=Number(), help_text="What performances must add up to."
    )
    unit = fields.line(help_text="Of the quantity, such as t.")
    ladder_reminders = ladders.RungsField(
        example="as in the agreement",
        label="Reminders",
        help_text="Days before it is due, such as 30, 7, 1. Empty: as in the agreement.",
    )
    ladder_escalations = ladders.RungsField(
        example="as in the agreement",
        label="Escalations",
        help_text="Days after a miss was first told. Empty: as in the agreement.",
    )
    aliases = {"grace": "grace_count"}

    class Meta:
        model = Obligation
        fields = (
            "ref", "title", "kind", "severity", "clause", "text", "is_surviving", "tags", "owner",
            "roll_up", "roll_up_share", "target_quantity", "unit",
        )  # fmt: skip

    def __init__(
        self,
        *args: Any,
        members: Sequence[tuple[str, str]] = (),
        agreement_ref: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name in ("due", "starts"):
            widget = self.fields[name].widget
            assert isinstance(widget, RuleWidget)
            widget.agreement = agreement_ref
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

    def clean(self) -> dict[str, Any]:
        """Refuse half a ladder: the other half would be neither its own nor the agreement's."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        halves = (ladders.REMINDERS, ladders.ESCALATIONS)
        missing = [name for name in halves if name in values and values[name] is None]
        if len(missing) == 1 and not any(name in self.errors for name in halves):
            sentence = "Write both, or neither: a ladder of its own replaces the agreement's whole."
            self.add_error(missing[0], sentence)
        return values

    def draft_values(self) -> dict[str, Any]:
        """What was filled in, as an obligation's draft reads it."""
        values = given(ladders.taken(dict(self.cleaned_data)))
        unit = values.pop("grace_unit", None)
        if "grace_count" in values:
            values["grace"] = {"count": values.pop("grace_count"), "unit": unit}
        values.setdefault("obligors", [])
        values.setdefault("obligees", [])
        return {name: values[name] for name in values if name in ObligationDraft.model_fields}


def _initial(obligation: Obligation) -> dict[str, Any]:
    grace = obligation.grace or {}
    quantity = obligation.target_quantity
    if quantity is not None and quantity == quantity.to_integral_value():
        quantity = quantity.quantize(Decimal(1))
    sides = list(obligation.sides.all())
    return {
        "obligors": _codes(sides, Capacity.OBLIGOR),
        "obligees": _codes(sides, Capacity.OBLIGEE),
        "due": obligation.due,
        "starts": obligation.starts,
        "grace_count": grace.get("count"),
        "grace_unit": grace.get("unit") or GraceUnit.DAYS.value,
        "owner": obligation.owner or "",
        "parent": obligation.parent.ref if obligation.parent else "",
        "target_quantity": quantity,
        **ladders.shown(obligation.ladder),
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
        ref = self.instance.ref if self.instance.pk else ""
        return {
            **super().get_form_kwargs(index),
            "members": self._members,
            "agreement_ref": ref,
        }

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
        ("ref", "title"),
        ("kind", "severity"),
        ("obligors", "obligees"),
        "due",
        ("grace_count", "grace_unit"),
        "starts",
        "clause",
        "text",
        ("tags", "owner", "parent"),
        ("roll_up", "roll_up_share"),
        ("target_quantity", "unit"),
        (ladders.REMINDERS, ladders.ESCALATIONS),
        "is_surviving",
    )

    @admin.display(description="Reminders")
    def ladder_reminders(self, obligation: Obligation) -> str:
        """Its own reminders, for those who may only look."""
        return _rungs(obligation.ladder, "reminders", "as in the agreement")

    @admin.display(description="Escalations")
    def ladder_escalations(self, obligation: Obligation) -> str:
        """Its own escalations, for those who may only look."""
        return _rungs(obligation.ladder, "escalations", "as in the agreement")

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
    change_form_after_template = "admin/pacta/known.html"
    inlines = (MembershipInline, MilestoneInline, ObligationInline)
    list_display = ("title", "ref", "kind", "signed_on", "in_force_on", "unmet", "all_deadlines")
    list_filter = ("kind",)
    search_fields = ("ref", "title", "memberships__party__code", "memberships__party__name")
    show_full_result_count = False
    has_see_deadlines_permission = right("compliance.view_deadline")
    has_record_fact_permission = right("compliance.add_fact")
    actions_detail = (
        "deadlines",
        {
            "title": "More",
            "icon": "more_horiz",
            "items": ["suspend_agreement", "terminate_agreement", "retract_of_agreement"],
        },
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("ref", "kind"),
                    "title",
                    ("signed_on", "in_force_on", "ends_on"),
                    ("timezone", "calendars"),
                    "is_four_eyes",
                    (ladders.REMINDERS, ladders.ESCALATIONS),
                )
            },
        ),
    )

    class Media:
        js = ("pacta/agreement.js", "pacta/rules.js")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """The page, with what a rule can be counted from for the fields that offer it."""
        context = {**context, **known(kwargs.get("obj"))}
        return super().render_change_form(request, context, *args, **kwargs)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how many deadlines each has."""
        found: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = found.annotate(
            deadline_count=Count("deadlines", distinct=True),
            unmet_count=Count("deadlines", distinct=True, filter=Q(deadlines__status__in=_UNMET)),
        )
        return counted

    @admin.display(description="Reminders")
    def ladder_reminders(self, agreement: Agreement) -> str:
        """When people are reminded, for those who may only look."""
        return _rungs(agreement.ladder, "reminders", "default")

    @admin.display(description="Escalations")
    def ladder_escalations(self, agreement: Agreement) -> str:
        """When people are told again, for those who may only look."""
        return _rungs(agreement.ladder, "escalations", "default")

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

    @button(
        description="Suspend agreement",
        url_path="suspend",
        icon="pause_circle",
        permissions=_RECORD_FACT,
    )
    def suspend_agreement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It does not bind for a while."""
        return self._record(request, object_id, recording.AgreementSuspensionForm)

    @button(
        description="Terminate agreement",
        url_path="terminate",
        icon="cancel",
        permissions=_RECORD_FACT,
    )
    def terminate_agreement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It ended."""
        return self._record(request, object_id, recording.TerminationForm)

    @button(
        description="Retract suspension or termination",
        url_path="retract",
        icon="undo",
        permissions=_RECORD_FACT,
    )
    def retract_of_agreement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """It was recorded by mistake."""
        return self._record(request, object_id, recording.AgreementRetractionForm)

    def _record(
        self, request: HttpRequest, object_id: str, form_class: type[recording.AgreementForm]
    ) -> HttpResponse:
        """Show a form about the agreement; on POST hand it to its operation."""
        agreement = self.get_object(request, unquote(object_id))
        if not isinstance(agreement, Agreement):
            raise Http404
        as_of = timezone.now()
        reached = agreement.deadlines.exclude(status__in=_CLOSED)
        reached = reached.filter(obligation__is_surviving=False)
        return answer(
            request,
            form_class(request.POST or None, agreement=agreement, as_of=as_of),
            as_of=as_of,
            back=reverse("admin:compliance_agreement_change", args=[agreement.pk]),
            outcome=str,
            context={
                **self.admin_site.each_context(request),
                "subtitle": agreement.title,
                "opts": self.opts,
                "original": agreement,
                "subject": agreement.title,
                "reach": f"It has {reached.count()} open deadlines that this reaches.",
                "back_to": "the agreement",
            },
        )

    def problems_for_form(self, problems: Sequence[Problem]) -> Sequence[Problem]:
        """What speaks neither of a party nor of a milestone nor of an obligation."""
        rows = ("parties", "milestones", "obligations")
        return [
            problem for problem in problems if not any(_is_below(problem, path) for path in rows)
        ]

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store the agreement, its parties and the obligations that are new or changed."""
        members = next(each for each in formsets if isinstance(each, MembershipFormSet))
        milestones = next(each for each in formsets if isinstance(each, MilestoneFormSet))
        obligations = next((each for each in formsets if isinstance(each, ObligationFormSet)), None)
        values = given(ladders.taken(dict(form.cleaned_data)))
        if isinstance(stored, Agreement):
            values["ref"] = stored.ref
        values["parties"] = [
            {"code": each.cleaned_data["party"], "role": each.cleaned_data.get("role") or ""}
            for each in members.kept()
        ]
        values["milestones"] = [
            given({name: each.cleaned_data.get(name) for name in ("ref", "title", "on", "at")})
            for each in milestones.kept()
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


def _rungs(ladder: Mapping[str, Any] | None, name: str, otherwise: str) -> str:
    return otherwise if ladder is None else ladders.rungs_text(ladder.get(name, ()))


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
