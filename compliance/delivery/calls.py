"""One HTTP request over a connection of its own, cut off by the clock whatever comes back."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import ExitStack, suppress
from http.client import HTTPException
from urllib.parse import SplitResult

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

# What a call of a server that does not answer as it should may raise.
FAILURES = (HTTPError, HTTPException, OSError, ValueError)

_CONNECT_SECONDS, _TOTAL_SECONDS = 5.0, 15.0
_MOST_READ = 64 * 1024


def call(
    method: str,
    parts: SplitResult,
    *,
    address: str,
    headers: dict[str, str],
    payload: bytes | None = None,
) -> tuple[int, bytes]:
    """Send a request to `address` for the host of `parts`; the status, and what was said with it.

    Ends within twenty-five seconds; what is said beyond 64 KiB is not read. No redirect is
    followed and no proxy is used.

    Raises:
        one of `FAILURES`: no status came.
    """
    host = parts.hostname or ""
    connection: HTTPConnection
    if parts.scheme == "https":
        connection = HTTPSConnection(
            address,
            parts.port or 443,
            timeout=_CONNECT_SECONDS,
            server_hostname=host,
            assert_hostname=host,
            ssl_context=ssl.create_default_context(),
        )
    else:
        connection = HTTPConnection(address, parts.port or 80, timeout=_CONNECT_SECONDS)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    with ExitStack() as ending:
        ending.callback(connection.close)
        connection.connect()
        # Each byte that comes starts the time-out anew: who drips is cut off by the clock. The
        # connection forgets its socket once it is to be read to the end.
        cut_off = threading.Timer(_TOTAL_SECONDS, _cut, [connection.sock])
        cut_off.daemon = True
        cut_off.start()
        ending.callback(cut_off.cancel)
        connection.request(method, target, body=payload, headers=headers, preload_content=False)
        answer = connection.getresponse()
        ending.callback(answer.close)
        said = b""
        # The status has come: what is said beside that is not waited for.
        with suppress(HTTPError, HTTPException, OSError):
            said = answer.read(_MOST_READ)
        return answer.status, said


def _cut(line: socket.socket) -> None:
    # Not by the method of a TLS socket, which would go on to read what is left as plain text.
    with suppress(OSError):
        socket.socket.shutdown(line, socket.SHUT_RDWR)
