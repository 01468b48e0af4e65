"""Facts, positions and evidence across all deadlines. Nothing recorded is ever edited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from compliance.admin import badges, fields, moments
from compliance.admin.read_only import ReadOnlyAdmin
from compliance.admin.saving import DraftForm, OperationAdmin, given
from compliance.admin.theme import Choice
from compliance.domain.drafts import read
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.evidence.files import ALLOWED
from compliance.domain.vocabulary import EvidenceKind, Stance
from compliance.models import Agreement, Evidence, Fact, Party, Position, User
from compliance.operations.evidence import evidence, files
from compliance.queries.deadlines.effective_facts import superseders


@admin.register(Fact)
class FactAdmin(ReadOnlyAdmin):
    """All facts, newest first. They are recorded from their deadline, or their agreement."""

    list_display = ("what", "about", "holds", "note", "recorded", "recorded_by")
    list_filter = ("kind",)
    list_select_related = ("deadline__obligation", "agreement", "recorded_by")
    search_fields = (
        "note", "deadline__obligation__ref", "deadline__agreement__ref", "agreement__ref",
    )  # fmt: skip
    ordering = ("-id",)
    fields = (
        "deadline", "agreement", "kind", "holds", "effective_on", "until_on", "until_at",
        "is_tolling", "verdict", "share", "quantity", "due", "supersedes", "superseded", "note",
        "evidence", "recorded", "recorded_by", "approved_by", "stored_at",
    )  # fmt: skip

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The list, with what supersedes the facts on this page of it."""
        found = super().get_changelist_instance(request)
        shown = list(found.result_list)
        newer = superseders(
            [fact.deadline_id for fact in shown if fact.deadline_id],
            [fact.agreement_id for fact in shown if fact.agreement_id],
        )
        for fact in shown:
            fact.superseded_by_id = newer.get(fact.pk)
        found.result_list = shown
        return found

    @admin.display(description="Fact", ordering="kind")
    def what(self, fact: Any) -> SafeString:
        """Its kind, a determination's verdict, and whether it counts no more."""
        newer = fact.superseded_by_id
        words = [fact.kind, fact.verdict, "superseded" if newer is not None else None]
        title = "" if newer is None else f"Superseded by fact {newer}"
        shown = ((title, badges.badge(word)) for word in words if word)
        return format_html_join(" ", '<span title="{}">{}</span>', shown)

    @admin.display(description="Superseded by")
    def superseded(self, fact: Fact) -> SafeString:
        """The fact because of which it counts no more."""
        newer = superseders([fact.deadline_id or 0], [fact.agreement_id or 0]).get(fact.pk)
        if newer is None:
            return SafeString("-")
        address = reverse("admin:compliance_fact_change", args=[newer])
        return format_html('<a class="pacta-link" href="{}">Fact {}</a>', address, newer)

    @admin.display(description="Effective", ordering="effective_at")
    def holds(self, fact: Fact) -> SafeString:
        """From when it holds: the day if only that is known, and the instant in UTC."""
        at = moments.utc(fact.effective_at, _zone(fact))
        return badges.two_lines(fact.effective_on, at) if fact.effective_on else at

    @admin.display(description="Recorded", ordering="recorded_at")
    def recorded(self, fact: Fact) -> SafeString:
        """When we learned it."""
        return moments.utc(fact.recorded_at, _zone(fact))

    @admin.display(description="About")
    def about(self, fact: Fact) -> str:
        """A deadline, or an agreement as a whole."""
        return str(fact.deadline or fact.agreement)


def _zone(fact: Fact) -> str | None:
    return fact.deadline.timezone if fact.deadline else None


@admin.register(Position)
class PositionAdmin(ReadOnlyAdmin):
    """All positions, newest first. They are stated from their deadline."""

    list_display = ("party", "says", "deadline", "quote", "stated", "recorded_by")
    list_filter = ("verdict", "party")
    list_select_related = ("party", "deadline__obligation", "recorded_by")
    search_fields = ("quote", "deadline__obligation__ref", "deadline__agreement__ref")
    ordering = ("-id",)
    fields = (
        "deadline", "party", "verdict", "stated", "stated_on", "quote", "evidence", "recorded_at",
        "recorded_by",
    )  # fmt: skip

    @admin.display(description="Says", ordering="verdict")
    def says(self, position: Position) -> SafeString:
        """Its verdict."""
        return badges.badge(position.verdict)

    @admin.display(description="Stated", ordering="stated_at")
    def stated(self, position: Position) -> SafeString:
        """When it was said."""
        at = moments.utc(position.stated_at, position.deadline.timezone)
        return badges.two_lines(position.stated_on, at) if position.stated_on else at


class EvidenceForm(DraftForm):
    """What is asked of a piece of evidence."""

    agreement = forms.ModelChoiceField(
        queryset=Agreement.objects.order_by("title"), to_field_name="ref", widget=Choice()
    )
    ref = fields.line(required=True, help_text="Short, such as E12; once per agreement.")
    title = fields.line(required=True)
    kind = fields.choice(EvidenceKind)
    stance = fields.choice(Stance, help_text="For or against its having been kept, or context.")
    obligations = fields.Words(
        help_text="The refs of the obligations that it bears on, separated by commas."
    )
    url = fields.line(label="Address", help_text="Where it can be read, with https://.")
    quote = fields.Prose()
    published_on = fields.Day()
    asserted_by = forms.ModelChoiceField(
        queryset=Party.objects.order_by("name"),
        to_field_name="code",
        required=False,
        empty_label="No party",
        widget=Choice(),
    )

    file = forms.FileField(
        required=False,
        widget=UnfoldAdminFileFieldWidget(),
        help_text=f"A {ALLOWED} that holds it. Better copies are added through the API.",
    )

    class Meta:
        model = Evidence
        fields = (
            "agreement", "ref", "title", "kind", "stance", "obligations", "url", "quote",
            "published_on", "asserted_by",
        )  # fmt: skip


@admin.register(Evidence)
class EvidenceAdmin(OperationAdmin):
    """Added through `operations.evidence`, then only read."""

    form = EvidenceForm
    list_display = ("title", "ref", "agreement", "kind", "speaks", "published_on", "asserted_by")
    list_filter = ("stance", "kind", "agreement")
    list_select_related = ("agreement", "asserted_by")
    search_fields = ("ref", "title", "quote", "agreement__ref")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "agreement", ("ref", "kind", "stance"), "title", "obligations", "url", "quote",
        ("published_on", "asserted_by"), "file",
    )  # fmt: skip
    readonly_fields = ("bears_on", "held_in")

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """What is asked of new evidence; of what is stored, its files too."""
        if obj is None:
            return self.fields
        return (*(each for each in self.fields if each != "file"), "bears_on", "held_in")

    @admin.display(description="Deadlines")
    def bears_on(self, evidence: Evidence) -> str:
        """The deadlines that were named, besides those of its obligations."""
        deadlines = evidence.deadlines.select_related("obligation").order_by("id")
        return ", ".join(map(str, deadlines)) or "Those of its obligations"

    @admin.display(description="Files")
    def held_in(self, evidence: Evidence) -> SafeString:
        """The revisions, each to be fetched."""
        files = [
            (
                reverse("api:file", args=(evidence.pk, file.revision)),
                file.revision,
                file.name,
                filesizeformat(file.size),
                file.sha256,
            )
            for file in evidence.files.all()
        ]
        row = '<a class="pacta-link" href="{}">Revision {}: {}</a> ({}, sha-256 {})'
        return format_html_join(mark_safe("<br>"), row, files)

    @admin.display(description="Stance", ordering="stance")
    def speaks(self, evidence: Evidence) -> SafeString:
        """What it speaks for."""
        return badges.badge(evidence.stance)

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody: evidence is never edited."""
        return False

    def write(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], stored: Model | None
    ) -> Model:
        """Store the evidence."""
        values = given(form.cleaned_data)
        agreement = values.pop("agreement")
        if "asserted_by" in values:
            values["asserted_by"] = values["asserted_by"].code
        assert isinstance(request.user, User)
        file = values.pop("file", None)
        by, as_of = request.user, timezone.now()
        with transaction.atomic():
            stored_now = evidence.add(
                agreement=agreement, draft=read(EvidenceDraft, values), by=by, as_of=as_of
            )
            if file is not None:
                files.attach(
                    evidence=stored_now, name=file.name, pieces=file.chunks(), by=by, as_of=as_of
                )
        return stored_now
