"""Evidence. Append-only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from django.http import FileResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiRequest, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from compliance.api.lists import list_response
from compliance.api.openapi_lists import list_schema
from compliance.api.problems import LengthRequired
from compliance.api.views import (
    Views,
    agreement_of,
    created_response,
    read_body,
    read_filter,
    reject_query_parameters,
    row_response,
    user_of,
    visible_or_404,
)
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.evidence.files import MEDIA_TYPES
from compliance.domain.fields import AgreementRef
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import EvidenceKind, Precision, Stance
from compliance.models import Evidence, EvidenceFile
from compliance.models.people.readers import Reader
from compliance.operations.evidence import evidence as operations
from compliance.operations.evidence import files
from compliance.queries.evidence import evidence as queries
from compliance.queries.rows import Row

# A stored file must never be executed or embedded.
_FILE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


class NewEvidence(EvidenceDraft):
    """A piece of evidence and its agreement."""

    agreement: AgreementRef


class FileRow(serializers.Serializer[EvidenceFile]):
    """One revision of an evidence file, served under its number."""

    revision = serializers.IntegerField()
    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="In bytes.")
    sha256 = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


_NEW_FILE = {
    "type": "object",
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "description": "The file. Its name ends with .pdf, .png, .jpg, .txt or .csv.",
        }
    },
    "required": ["file"],
    "additionalProperties": False,
}


@extend_schema_serializer(many=False)
class FilesAnswer(serializers.Serializer[EvidenceFile]):
    """All revisions, oldest first."""

    results = FileRow(many=True)


class EvidenceRow(serializers.Serializer[Evidence]):
    """A piece of evidence."""

    id = serializers.IntegerField()
    agreement = serializers.CharField()
    ref = serializers.CharField()
    title = serializers.CharField()
    kind = serializers.ChoiceField(choices=list(EvidenceKind))
    url = serializers.CharField(allow_blank=True)
    quote = serializers.CharField(allow_blank=True)
    published_on = serializers.CharField(
        allow_null=True, help_text="A day, month, quarter or year."
    )
    published_on_precision = serializers.ChoiceField(choices=list(Precision), allow_null=True)
    asserted_by = serializers.CharField(allow_null=True)
    stance = serializers.ChoiceField(choices=list(Stance))
    obligations = serializers.ListField(child=serializers.CharField())
    deadlines = serializers.ListField(child=serializers.IntegerField())
    files = FileRow(many=True)
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(allow_null=True)


class EvidenceViews(Views):
    """Documents, statements and search logs behind facts and positions."""

    permission_models = (Evidence,)

    @extend_schema(**list_schema(queries.EvidenceListing, EvidenceRow))
    def list(self, request: Request) -> HttpResponseBase:
        """List evidence in order of creation."""
        listing = read_filter(request, queries.EvidenceListing)
        read = partial(queries.listed, reader=self.reader)
        return list_response(request, listing, read, row=EvidenceRow)

    @extend_schema(request=NewEvidence, responses={201: EvidenceRow})
    def create(self, request: Request) -> Response:
        """Store a piece of evidence."""
        draft = read_body(request, NewEvidence)
        evidence = operations.add(
            agreement=agreement_of(draft.agreement, reader=self.reader),
            draft=draft,
            by=user_of(request),
            as_of=timezone.now(),
        )
        return created_response(request, queries.row(evidence.pk, reader=self.reader), "id")

    @extend_schema(responses=EvidenceRow)
    def retrieve(self, request: Request, id: int) -> Response:
        """Show one piece of evidence."""
        reject_query_parameters(request)
        return row_response(queries.row(id, reader=self.reader))


class FileParser(MultiPartParser):
    """A form with a file. Its length must be known before it is read."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the form.

        Raises:
            LengthRequired: the body is chunked.
            RequestDataTooBig: the body is larger than the largest permitted file.
        """
        meta = (parser_context or {})["request"].META
        if "chunked" in meta.get("HTTP_TRANSFER_ENCODING", "").lower():
            raise LengthRequired
        return super().parse(stream, media_type, parser_context)


class FileViews(Views):
    """Evidence files. A better copy becomes a new revision."""

    permission_models = (Evidence,)
    parser_classes = (FileParser,)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Return how to render. A file is served as it is, whatever the client accepts."""
        # RFC 9110, section 15.5.7, allows it: there is no other representation.
        return super().perform_content_negotiation(request, force or self.action == "retrieve")

    @extend_schema(operation_id="evidence_files", responses=FilesAnswer)
    def list(self, request: Request, id: int) -> Response:
        """List the revisions, oldest first."""
        reject_query_parameters(request)
        evidence = queries.row(id, reader=self.reader)
        if evidence is None:
            raise NotFound("This evidence does not exist.")
        return Response({"results": evidence["files"]})

    @extend_schema(
        operation_id="evidence_files_create",
        request={
            "multipart/form-data": OpenApiRequest(
                request=_NEW_FILE,
                encoding={"file": {"contentType": ", ".join(sorted(MEDIA_TYPES))}},
            )
        },
        responses={201: FileRow},
    )
    def create(self, request: Request, id: int) -> Response:
        """Store a file as the latest revision: pdf, png, jpg, txt or csv."""
        reject_query_parameters(request)
        evidence = visible_or_404(self.reader, Evidence.objects.all(), pk=id)
        form = request.data
        sent_files = form.getlist("file") if hasattr(form, "getlist") else []
        if set(form) != {"file"} or len(sent_files) != 1 or isinstance(sent_files[0], str):
            raise refusal("file", "Send a form with one file in the field file.")
        file = files.attach(
            evidence=evidence,
            name=sent_files[0].name,
            pieces=sent_files[0].chunks(),
            by=user_of(request),
            as_of=timezone.now(),
        )
        [row] = [each for each in _files_of(id, self.reader) if each["revision"] == file.revision]
        response = Response(row, status=HTTPStatus.CREATED)
        response["Location"] = request.build_absolute_uri(f"{file.revision}/")
        return response

    @extend_schema(
        operation_id="evidence_files_retrieve",
        responses={(200, each): OpenApiTypes.BINARY for each in sorted(MEDIA_TYPES)},
    )
    def retrieve(self, request: Request, id: int, revision: int) -> FileResponse:
        """Download one revision exactly as it was stored."""
        reject_query_parameters(request)
        file = queries.file(id, revision, reader=self.reader)
        if file is None or not file.path.is_file():
            raise NotFound("This file does not exist.")
        response = FileResponse(
            file.path.open("rb"),
            as_attachment=True,
            filename=file.name,
            content_type=file.content_type,
        )
        # A stored file must never be executed here, neither as a page nor as a type that the
        # browser guesses.
        response["Content-Security-Policy"] = _FILE_POLICY
        response["X-Content-Type-Options"] = "nosniff"
        response["ETag"] = f'"{file.sha256}"'
        response["Cache-Control"] = "no-store"
        return response


def _files_of(evidence_id: int, reader: Reader) -> Sequence[Row]:
    evidence = queries.row(evidence_id, reader=reader)
    return evidence["files"] if evidence is not None else []
