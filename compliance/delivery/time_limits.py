"""Limits on how long an exchange with a server may take, however slowly the server answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

# No attempt to deliver a message takes longer. The lease on a message outlasts it, so a second
# worker never sends a message while the first is still sending it.
ATTEMPT_LIMIT = timedelta(seconds=25)
_PRECISION_SECONDS = 0.2


class Watchdog:
    """Shuts down connections whose exchanges take too long. It has to be closed.

    A socket timeout does not suffice: it starts anew with every byte that arrives. One thread
    serves all exchanges, because starting one takes as long as sending an email.
    """

    def __init__(self) -> None:
        self._exchange: tuple[float, socket.socket] | None = None
        self._is_closed = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()

    @contextmanager
    def limit(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Shut the connection down if the block takes longer than `seconds`."""
        self._exchange = (time.monotonic() + seconds, connection)
        try:
            yield
        finally:
            self._exchange = None

    def _watch(self) -> None:
        while not self._is_closed.wait(_PRECISION_SECONDS):
            exchange = self._exchange
            if exchange is not None and time.monotonic() > exchange[0]:
                # The method of a TLS socket would go on to read the rest as plain text.
                with suppress(OSError):
                    socket.socket.shutdown(exchange[1], socket.SHUT_RDWR)
