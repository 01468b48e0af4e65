"""HEAD has the headers of GET and no body, whatever the web server sends."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory


def _sent(method: str, path: str) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body that the web server is given."""
    headers: dict[str, str] = {}

    def start_response(_status: str, given: list[tuple[str, str]], *_: Any) -> None:
        headers.update(given)

    # The test client would drop the body itself.
    environ = RequestFactory().generic(method, path).environ
    handler: Any = WSGIHandler()
    return headers, b"".join(handler(environ, start_response))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/healthz", "/api/v1/parties/", "/nothing/", "/static/pacta/admin.css"]
)
def test_a_response_to_head_has_the_headers_of_get_and_no_body(path: str) -> None:
    headers, body = _sent("GET", path)
    assert body
    asked, nothing = _sent("HEAD", path)
    assert nothing == b""
    assert asked.get("Content-Length") == headers.get("Content-Length")
    assert asked["Content-Type"] == headers["Content-Type"]
