"""Strict parsers of request bodies with a size limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from compliance.api.problems import LengthRequired, PayloadTooLarge
from compliance.domain.agreements import documents

MEBIBYTE = 2**20
LONGEST = 1 * MEBIBYTE
LONGEST_DOCUMENT = 8 * MEBIBYTE


class StrictJSONParser(BaseParser):
    """Parses JSON in UTF-8. Rejects NaN, lone surrogates and duplicate fields."""

    media_type = "application/json"
    is_yaml = False
    longest = LONGEST

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the value of a body.

        Raises:
            PayloadTooLarge: it is too long, whatever its Content-Length says.
            Invalid: it cannot be read.
        """
        text = stream.read(self.longest + 1)
        if len(text) > self.longest:
            sentence = f"The body is longer than {self.longest // MEBIBYTE} MiB."
            raise PayloadTooLarge(sentence)
        return documents.parse(text, is_yaml=self.is_yaml)


class DocumentJSONParser(StrictJSONParser):
    """Parses agreement documents in JSON."""

    longest = LONGEST_DOCUMENT


class DocumentYAMLParser(DocumentJSONParser):
    """Parses agreement documents in YAML."""

    media_type = "application/yaml"
    is_yaml = True


class OldYAMLParser(DocumentYAMLParser):
    """Parses YAML under the media type used before `application/yaml` was registered."""

    media_type = "application/x-yaml"


class TextYAMLParser(DocumentYAMLParser):
    """Parses YAML under the media type `text/yaml`."""

    media_type = "text/yaml"


def allow_chunked_body(request: HttpRequest) -> None:
    """Allow a chunked body (`Transfer-Encoding: chunked`) to be read.

    Such a body has no length, so Django would treat it as empty.

    Raises:
        LengthRequired: the web server does not mark the end of a chunked body.
    """
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not is_chunked or request.META.get("CONTENT_LENGTH"):
        return
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired
    longest = LONGEST_DOCUMENT + 1
    request.META["CONTENT_LENGTH"] = str(longest)
    request._stream = LimitedStream(request.META["wsgi.input"], longest)  # type: ignore[assignment]
