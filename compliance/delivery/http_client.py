"""HTTP requests that end in limited time, even if the server is slow or misbehaves."""

from __future__ import annotations

import ssl
from contextlib import ExitStack, closing, suppress
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import SplitResult

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from compliance.delivery.time_limits import Watchdog

# The exceptions that a request can raise when the server does not answer properly.
FAILURES = (HTTPError, HTTPException, OSError, ValueError)

_CONNECT_SECONDS, _TOTAL_SECONDS = 5.0, 15.0
_MAX_BODY_BYTES = 64 * 1024


class Response(NamedTuple):
    """The status of a response, the beginning of its body, and its `Retry-After` header."""

    status: int
    body: bytes
    retry_after: str | None = None


def request(
    method: str,
    parts: SplitResult,
    *,
    address: str,
    headers: dict[str, str],
    payload: bytes | None = None,
) -> Response:
    """Send one request to the IP address `address` and return its response.

    It uses a new connection and ends within 25 seconds. Only the first 64 KiB of the body are
    read. It follows no redirects and uses no proxy.

    Args:
        parts: the URL; its host is checked against the certificate, and is not resolved again.

    Raises:
        one of `FAILURES`: no status was received.
    """
    host = parts.hostname or ""
    connection = HTTPConnection(address, parts.port or 80, timeout=_CONNECT_SECONDS)
    if parts.scheme == "https":
        connection = HTTPSConnection(
            address, parts.port or 443, timeout=_CONNECT_SECONDS, server_hostname=host,
            assert_hostname=host, ssl_context=ssl.create_default_context(),
        )  # fmt: skip
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with ExitStack() as stack:
        stack.callback(connection.close)
        connection.connect()
        # Kept here: the connection drops its socket before the body is read.
        watchdog = stack.enter_context(closing(Watchdog()))
        stack.enter_context(watchdog.limit(connection.sock, _TOTAL_SECONDS))
        connection.request(method, target, body=payload, headers=headers, preload_content=False)
        response = connection.getresponse()
        stack.callback(response.close)
        body = b""
        # The status decides; a body that never ends changes nothing.
        with suppress(HTTPError, HTTPException, OSError):
            body = response.read(_MAX_BODY_BYTES)
        return Response(response.status, body, response.headers.get("Retry-After"))
