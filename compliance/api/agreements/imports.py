"""Imports of whole agreements from documents, and their purge."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from django.http import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from pydantic import Field
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.integrity.tombstones import TombstoneRow
from compliance.api.lists import list_response
from compliance.api.openapi import filter_parameters
from compliance.api.openapi_lists import list_schema
from compliance.api.parsers import (
    DocumentJSONParser,
    DocumentYAMLParser,
    OldYAMLParser,
    TextYAMLParser,
)
from compliance.api.permissions import require_permissions
from compliance.api.proposed import ProposedRow
from compliance.api.views import (
    Views,
    keep_reason,
    object_of,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.documents import agreement_of, refs_of
from compliance.domain.agreements.drafts import ReasonDraft
from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.fields import Line, LongTitle
from compliance.domain.problems import naming
from compliance.domain.vocabulary import Announcement
from compliance.models import (
    Agreement,
    Evidence,
    Fact,
    ImportBatch,
    Obligation,
    Party,
    Position,
)
from compliance.operations.agreements import documents, import_purges
from compliance.queries.agreements import imports as queries
from compliance.queries.filters import Filter, TrueOrFalse
from compliance.queries.integrity import tombstones


class MadeRow(serializers.Serializer[Any]):
    """A part of a document that was stored."""

    path = serializers.CharField(help_text="Its place in the document; empty: the agreement.")
    ref = serializers.CharField(help_text="What it is or belongs to, such as an obligation.")


class DifferenceRow(MadeRow):
    """A value of a document that differs from the stored one."""

    stored = serializers.JSONField(allow_null=True)
    sent = serializers.JSONField(allow_null=True)


class WarningRow(serializers.Serializer[Any]):
    """A record that changes nothing: its place in the document, and why."""

    path = serializers.CharField(allow_blank=True)
    detail = serializers.CharField()


class LoadedRow(serializers.Serializer[Any]):
    """What importing a document stored, or would store, and what it left as it was."""

    agreement = serializers.CharField()
    import_id = serializers.IntegerField(
        allow_null=True, help_text="The import in `imports/`; null: nothing was stored."
    )
    is_new = serializers.BooleanField()
    is_dry_run = serializers.BooleanField(help_text="Nothing was stored.")
    obligations = serializers.IntegerField()
    facts = serializers.IntegerField()
    positions = serializers.IntegerField()
    evidence = serializers.IntegerField()
    made = MadeRow(many=True)
    changed = DifferenceRow(many=True)
    ignored = DifferenceRow(many=True)
    warnings = WarningRow(many=True, help_text="What changes nothing, or was stored otherwise.")


class ImportCounts(serializers.Serializer[Any]):
    """The number of rows that an import stored, by kind, and of values that it corrected."""

    obligations = serializers.IntegerField()
    milestones = serializers.IntegerField()
    facts = serializers.IntegerField()
    positions = serializers.IntegerField()
    evidence = serializers.IntegerField()
    corrections = serializers.IntegerField()


class ImportRow(serializers.Serializer[ImportBatch]):
    """An import of a document that stored something."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    is_new_agreement = serializers.BooleanField(help_text="Whether it created the agreement.")
    mode = serializers.ChoiceField(choices=list(ImportMode))
    source_name = serializers.CharField(
        allow_blank=True, help_text="The name of the file, if given."
    )
    imported_at = serializers.DateTimeField()
    imported_by = serializers.CharField(allow_null=True)
    counts = ImportCounts()


class ImportBatchViews(Views):
    """Imports of documents. Administrators can purge what one of them created."""

    permission_models = (ImportBatch,)
    post_verb = "purge"

    @extend_schema(operation_id="imports_list", **list_schema(queries.ImportListing, ImportRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List imports, newest first."""
        listing = read_filter(request, queries.ImportListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=ImportRow)

    @extend_schema(operation_id="imports_retrieve", responses=ImportRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one import."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))

    @extend_schema(
        operation_id="imports_purge",
        request=ReasonDraft,
        responses={200: TombstoneRow, 202: ProposedRow},
    )
    def purge(self, request: Request, id: int) -> Response:
        """Remove what an import created. This cannot be undone.

        It is refused if later records depend on what the import created. What it corrected stays.
        If the agreement requires approval, this creates a proposal (202).
        """
        batch = visible_or_404(self.reader, ImportBatch.objects.all(), pk=id)
        tombstone = import_purges.purge_import(
            batch=batch,
            reason=read_body(request, ReasonDraft).reason,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return row_response(tombstones.written(tombstone))


class ImportOptions(Filter):
    """The options of an import."""

    mode: Annotated[
        ImportMode,
        Field(description="Whether stored values that the document gives differently are kept."),
    ] = ImportMode.ADD
    dry_run: Annotated[
        TrueOrFalse, Field(description="Store nothing, and report what would be stored.")
    ] = False
    announce: Annotated[
        Announcement, Field(description="How breaches that began before the import are announced.")
    ] = Announcement.SUMMARY
    source_name: Annotated[
        Line, Field(description="The name of the file, which `imports/` shows.")
    ] = ""
    reason: Annotated[
        LongTitle | None, Field(description="Why; stored with every change that the import makes.")
    ] = None


class ImportViews(Views):
    """Import of whole agreements from documents."""

    permission_models = (Party, Agreement, Obligation, Evidence, Fact, Position)
    parser_classes: list[type[BaseParser]] = [
        DocumentJSONParser, DocumentYAMLParser, OldYAMLParser, TextYAMLParser,
    ]  # fmt: skip

    @extend_schema(
        operation_id="agreements_import",
        request={
            "application/json": AgreementDocument,
            "application/yaml": AgreementDocument,
        },
        parameters=filter_parameters(ImportOptions),
        responses={201: LoadedRow, 200: LoadedRow, 202: ProposedRow},
    )
    def create(self, request: Request) -> Response:
        """Store everything in a document that is not stored yet. Importing it twice is harmless.

        With `mode=update`, stored values that the document gives differently are corrected. With
        `dry_run=true`, nothing is stored, and the response says what would be. If the agreement
        requires approval, a document that has facts which need it, or that weakens an obligation,
        becomes a proposal (202) as a whole.
        """
        options = read_filter(request, ImportOptions)
        if options.mode is ImportMode.UPDATE:
            require_permissions(request, "change", (Party, Agreement, Obligation))
        if options.reason is not None:
            keep_reason({"reason": options.reason})
        document = agreement_of(object_of(request))
        with naming(refs_of(document)):
            loaded = documents.load(
                announcement=options.announce,
                document=document,
                by=user_of(request),
                as_of=timezone.now(),
                mode=options.mode,
                is_dry_run=options.dry_run,
                source_name=options.source_name,
            )
        content = {
            "agreement": loaded.agreement.ref,
            "import_id": None if loaded.batch is None else loaded.batch.pk,
            "is_new": loaded.is_new,
            "is_dry_run": options.dry_run,
            "obligations": loaded.obligations,
            "facts": loaded.facts,
            "positions": loaded.positions,
            "evidence": loaded.evidence,
            "made": [each.shown() for each in loaded.report.made],
            "changed": [each.shown() for each in loaded.report.changed],
            "ignored": [each.shown() for each in loaded.report.ignored],
            "warnings": [each.shown() for each in loaded.report.warnings],
        }
        is_stored = loaded.is_changed and not options.dry_run
        return Response(content, status=HTTPStatus.CREATED if is_stored else HTTPStatus.OK)
