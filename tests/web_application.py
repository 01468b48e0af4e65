"""A small WSGI application, for tests of the web worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

BIG = 64 * 2**20


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer `/slow` after a second, `/big` with 64 MiB, and all else with the size of the body."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    if environ["PATH_INFO"] == "/big":
        return (b"x" * 2**20 for _ in range(BIG // 2**20))
    return [str(len(body)).encode()]
