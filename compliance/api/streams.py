"""Bound what streamed exports occupy: a thread and a database connection each, while they are read.

The web server buffers part of a response. Beyond that, the thread waits for the client.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any, TypeVar
from weakref import finalize

from django.http import StreamingHttpResponse
from rest_framework.exceptions import APIException

from compliance.domain.limits import LONGEST_EXPORT

# Exports at the same time in each web process, which has eight threads.
MOST_STREAMS = 3
_RETRY_SECONDS = 10

T = TypeVar("T")

# A semaphore would not do: the garbage collector may return a slot while one is being taken.
_free: SimpleQueue[None] = SimpleQueue()
for _ in range(MOST_STREAMS):
    _free.put(None)


class TooManyStreams(APIException):
    """Other exports occupy all slots of this process."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_detail = (
        "Too many exports are being read at the moment. Try again shortly, or read a page at a "
        "time with page_size."
    )
    default_code = "too_many_exports"
    wait = _RETRY_SECONDS


class TookTooLong(Exception):
    """An export was not complete after `LONGEST_EXPORT`."""


class ExportResponse(StreamingHttpResponse):
    """A streamed export. It occupies a slot until it is closed.

    Raises:
        TooManyStreams: no slot is free.
    """

    def __init__(
        self, parts: Iterator[bytes], *, content_type: str, headers: Mapping[str, str]
    ) -> None:
        try:
            _free.get_nowait()
        except Empty:
            raise TooManyStreams from None
        # At most once, and even if the response is lost before the web server can close it.
        self._leave = finalize(self, _free.put, None)
        super().__init__(in_time(parts), content_type=content_type, headers=dict(headers))

    def close(self) -> None:
        """End the export, and only then let another one begin."""
        try:
            super().close()
        finally:
            self._leave()


def in_time(parts: Iterator[T]) -> Iterator[T]:
    """Yield parts for at most `LONGEST_EXPORT` from the first one on.

    Raises:
        TookTooLong: there is a part after that. The source is closed.
    """
    ends_at = time.monotonic() + LONGEST_EXPORT
    source: Any = parts
    with closing(source):
        for part in source:
            if time.monotonic() > ends_at:
                raise TookTooLong(f"cut off an export after {LONGEST_EXPORT} s")
            yield part


def is_any_open() -> bool:
    """Return whether this process sends an export."""
    return _free.qsize() < MOST_STREAMS
