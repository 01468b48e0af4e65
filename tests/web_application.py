"""A small WSGI application, for tests of the web worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from compliance.api.streams import ExportResponse, TooManyStreams

BIG = 64 * 2**20


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer `/slow` after a second, `/big` with 64 MiB, and all else with the size of the body.

    `/export` is `/big` as an export, of which only a few are sent at the same time.
    """
    body = environ["wsgi.input"].read()
    if environ["PATH_INFO"] == "/export":
        try:
            parts = (b"x" * 2**20 for _ in range(BIG // 2**20))
            export = ExportResponse(parts, content_type="text/csv", headers={})
        except TooManyStreams:
            start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"busy"]
        start_response("200 OK", [("Content-Type", "text/csv")])
        return export
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    if environ["PATH_INFO"] == "/big":
        return (b"x" * 2**20 for _ in range(BIG // 2**20))
    return [str(len(body)).encode()]
