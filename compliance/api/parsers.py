"""Bodies as plain values, read strictly and never further than they may be long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.core.handlers.wsgi import LimitedStream
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from compliance.api.problems import LengthRequired, PayloadTooLarge
from compliance.domain import documents

MEBIBYTE = 2**20
LONGEST = 1 * MEBIBYTE
LONGEST_DOCUMENT = 8 * MEBIBYTE


class StrictJSONParser(BaseParser):
    """JSON in UTF-8. NaN, lone surrogates and fields that stand twice are refused."""

    media_type = "application/json"
    is_yaml = False
    longest = LONGEST

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value that a body stands for.

        Raises:
            PayloadTooLarge: it is too long, whatever it said of its length.
            Invalid: it cannot be read.
        """
        text = stream.read(self.longest + 1)
        if len(text) > self.longest:
            sentence = f"The body is longer than {self.longest // MEBIBYTE} MiB."
            raise PayloadTooLarge(sentence)
        return documents.parse(text, is_yaml=self.is_yaml)


class DocumentJSONParser(StrictJSONParser):
    """An agreement document in JSON."""

    longest = LONGEST_DOCUMENT


class DocumentYAMLParser(DocumentJSONParser):
    """An agreement document in YAML."""

    media_type = "application/yaml"
    is_yaml = True


class OldYAMLParser(DocumentYAMLParser):
    """The same under the name that YAML had before it was registered."""

    media_type = "application/x-yaml"


class TextYAMLParser(DocumentYAMLParser):
    """The same under another of its names."""

    media_type = "text/yaml"


def accept_pieces(request: HttpRequest) -> None:
    """Let a body that comes in pieces (`Transfer-Encoding: chunked`) be read.

    Such a body has no length, which Django takes for an empty one.

    Raises:
        LengthRequired: the web server does not mark the end of such a body.
    """
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if not is_chunked or request.META.get("CONTENT_LENGTH"):
        return
    if not request.META.get("wsgi.input_terminated"):
        raise LengthRequired
    longest = LONGEST_DOCUMENT + 1
    request.META["CONTENT_LENGTH"] = str(longest)
    request._stream = LimitedStream(request.META["wsgi.input"], longest)  # type: ignore[assignment]
