"""Evidence, with its files. It is added here or on the page of a deadline, and never edited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from compliance.admin import badges, fields, urls
from compliance.admin.operation_forms import DraftForm, OperationAdmin, without_empty
from compliance.admin.record_forms import DeadlineRecordForm
from compliance.admin.searching import folded
from compliance.admin.theme import FileInput, Select
from compliance.admin.visible import AgreementFilter
from compliance.domain.drafts import read
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.evidence.files import ALLOWED
from compliance.domain.vocabulary import EvidenceKind, Stance
from compliance.models import Evidence, User
from compliance.operations.evidence import evidence, files

_REF_HELP = "A short name that is unique within the agreement, such as E12."
_STANCE_HELP = "Whether it is evidence of performance, evidence against it, or context."
_URL_HELP = "Where it can be read. It must start with https://."


class EvidenceForm(DraftForm):
    """The fields of evidence."""

    agreement = fields.agreement_field()
    ref = fields.text_field(required=True, help_text=_REF_HELP)
    title = fields.text_field(required=True)
    kind = fields.enum_field(EvidenceKind)
    stance = fields.enum_field(Stance, help_text=_STANCE_HELP)
    obligations = fields.CommaSeparatedField(
        help_text="The refs of the obligations that it is about, separated by commas."
    )
    url = fields.text_field(label="URL", help_text=_URL_HELP)
    quote = fields.LongTextField()
    published_on = fields.PeriodTextField()
    asserted_by = fields.party_field(required=False, empty_label="No party")

    file = forms.FileField(
        required=False,
        widget=FileInput(),
        help_text=f"One of these types: {ALLOWED}. Use the API to add better copies later.",
    )

    class Meta:
        model = Evidence
        fields = (
            "agreement", "ref", "title", "kind", "stance", "obligations", "url", "quote",
            "published_on", "asserted_by",
        )  # fmt: skip


@admin.register(Evidence)
class EvidenceAdmin(OperationAdmin):
    """Adds evidence and shows it."""

    form = EvidenceForm
    compressed_fields = False
    list_display = (
        "title", "ref", "of_agreement", "kind", "stance_badge", "published_on", "asserted_by",
    )  # fmt: skip
    list_filter = ("stance", "kind", ("agreement", AgreementFilter))
    list_select_related = ("agreement", "asserted_by")
    search_fields = folded("ref", "title", "quote", "agreement__ref")
    ordering = ("-id",)
    show_full_result_count = False
    fields = (
        "agreement", ("ref", "kind", "stance"), "title", "obligations", "url", "quote",
        ("published_on", "asserted_by"), "file",
    )  # fmt: skip
    readonly_fields = ("deadline_titles", "file_links")

    def get_fields(self, request: HttpRequest, obj: Any | None = None) -> Any:
        """Return the fields to fill in, or those of stored evidence with its files."""
        if obj is None:
            return self.fields
        return (*(each for each in self.fields if each != "file"), "deadline_titles", "file_links")

    @admin.display(description="Deadlines")
    def deadline_titles(self, evidence: Evidence) -> str:
        """Return the deadlines for which it was added, apart from those of its obligations."""
        deadlines = evidence.deadlines.select_related("obligation").order_by("id")
        return ", ".join(map(str, deadlines)) or "All deadlines of its obligations"

    @admin.display(description="Files")
    def file_links(self, evidence: Evidence) -> SafeString:
        """Return a download link for each revision of the file."""
        files = [
            (
                urls.evidence_file_url(evidence.pk, file.revision),
                file.revision,
                file.name,
                filesizeformat(file.size),
                file.sha256,
            )
            for file in evidence.files.all()
        ]
        row = '<a class="pacta-link" href="{}">Revision {}: {}</a> ({}, SHA-256 {})'
        return format_html_join(mark_safe("<br>"), row, files)

    @admin.display(description="Agreement", ordering="agreement")
    def of_agreement(self, evidence: Evidence) -> SafeString:
        """Return the agreement, and whether it is archived."""
        return badges.with_archived_mark(evidence.agreement, evidence.agreement)

    @admin.display(description="Stance", ordering="stance")
    def stance_badge(self, evidence: Evidence) -> SafeString:
        """Return the stance as a badge."""
        return badges.badge(evidence.stance)

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Return False: evidence is never edited."""
        return False

    def save_draft(
        self, request: HttpRequest, form: Any, formsets: Sequence[Any], existing: Model | None
    ) -> Model:
        """Add the evidence and its file."""
        values = without_empty(form.cleaned_data)
        agreement = values.pop("agreement")
        if "asserted_by" in values:
            values["asserted_by"] = values["asserted_by"].code
        assert isinstance(request.user, User)
        file = values.pop("file", None)
        by, as_of = request.user, timezone.now()
        with transaction.atomic():
            added = evidence.add(
                agreement=agreement, draft=read(EvidenceDraft, values), by=by, as_of=as_of
            )
            if file is not None:
                files.attach(
                    evidence=added, name=file.name, pieces=file.chunks(), by=by, as_of=as_of
                )
        return added


class DeadlineEvidenceForm(DeadlineRecordForm):
    """Adds evidence for the obligation of a deadline."""

    heading = "Add evidence"
    advice = "A document or statement about this obligation. Facts and positions can cite it."
    success_message = "Evidence added."
    submit = "Add"

    ref = fields.text_field(required=True, help_text=_REF_HELP)
    title = fields.text_field(required=True)
    kind = fields.enum_field(EvidenceKind)
    stance = fields.enum_field(Stance, help_text=_STANCE_HELP)
    url = fields.text_field(label="URL", help_text=_URL_HELP)
    quote = fields.LongTextField()
    published_on = fields.PeriodTextField(label="Published on")
    asserted_by = forms.ChoiceField(label="Asserted by", required=False, widget=Select())

    def prepare(self, as_of: datetime) -> None:
        """Offer the parties to the agreement."""
        super().prepare(as_of)
        fields.set_choices(self, "asserted_by", [("", "No party"), *self.party_choices()])

    def record(self, *, by: User, as_of: datetime) -> None:
        """Add the evidence."""
        values = {**without_empty(self.cleaned_data), "obligations": [self.deadline.obligation.ref]}
        evidence.add(
            agreement=self.deadline.agreement,
            draft=read(EvidenceDraft, values),
            by=by,
            as_of=as_of,
        )
