"""A worker of gunicorn that serves requests with waitress.

gunicorn starts, restarts and reloads the processes. In each of them, waitress receives complete
requests in one thread, and only then gives them to a thread that runs the application. Clients
that send or read slowly, or not at all, therefore occupy no thread. The threaded worker of gunicorn
stops answering when there are as many such clients as threads.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from config.uploads import FORM_SIZE

# A client that sends and reads nothing for so long is disconnected, in seconds.
IDLE_SECONDS = 20
# The headers of a request must arrive in this time, in seconds, however slowly they drip.
HEADER_SECONDS = 20
# A whole request must arrive in this time: at 700 kbit/s, an upload of 25 MB.
REQUEST_SECONDS = 300
# While a lot waits to be sent, the client must read this many bytes in each period: 10 KB/s. A
# response that it reads more slowly could occupy a thread for ever.
PERIOD_SECONDS = 30
LEAST_READ = 300_000
# How often these times are checked, in seconds.
CHECK_SECONDS = 5
# How long a round waits for clients before it tells gunicorn that the process is alive, in seconds.
ROUND_SECONDS = 1
# How many connections are accepted before the open ones are served again.
ACCEPTED_AT_ONCE = 100
# Open connections per process. Each takes a file descriptor.
MOST_CONNECTIONS = 4000


class TimedChannel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection that knows since when it receives a request, and how fast its client reads."""

    request_began_at = 0.0
    # Since when the client is measured, and what it has read since then, in bytes.
    period_began_at: float | None = None
    read_in_period = 0

    def send(self, data: bytes, do_close: bool = True) -> int:
        """Send as much as the client takes now."""
        count: int = super().send(data, do_close=do_close)
        self.read_in_period += count
        if count >= self.total_outbufs_len:
            # Nothing waits. If a response is slow from now on, the application is.
            self.period_began_at = None
        return count

    def received(self, data: bytes) -> bool:
        """Receive a part of a request."""
        previous = self.request
        is_received: bool = super().received(data)
        if self.request is not previous:
            self.request_began_at = time.time()
        return is_received

    def is_too_slow(self, now: float) -> bool:
        """Return whether the client takes too long to send a request or to read a response.

        The time that the application takes for a request is not limited here.
        """
        if self.total_outbufs_len and self.last_activity < now - IDLE_SECONDS:
            return True
        if self._reads_too_slowly(now):
            return True
        if self.request is None:
            return False
        limit = REQUEST_SECONDS if self.request.headers_finished else HEADER_SECONDS
        return self.request_began_at < now - limit

    def _reads_too_slowly(self, now: float) -> bool:
        if self.total_outbufs_len < LEAST_READ:
            self.period_began_at = None
            return False
        began_at = self.period_began_at
        if began_at is not None and now - began_at < PERIOD_SECONDS:
            return False
        is_slow = began_at is not None and self.read_in_period < LEAST_READ
        self.period_began_at, self.read_in_period = now, 0
        return is_slow


class TimedServer(TcpWSGIServer):  # type: ignore[misc]  # waitress has no types
    """A server that disconnects slow clients; waitress itself disconnects only idle ones."""

    channel_class = TimedChannel

    def handle_accept(self) -> None:
        """Accept the connections that wait.

        waitress accepts one per round. If a crowd that was cut off comes back, somebody behind it
        would wait for as many rounds.
        """
        for _ in range(ACCEPTED_AT_ONCE):
            count = len(self._map)
            super().handle_accept()
            if len(self._map) == count:
                return

    def maintenance(self, now: float) -> None:
        """Disconnect idle and slow clients."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.is_too_slow(now):
                # At once: `will_close` would wait until the client reads.
                channel.handle_close()


class WebWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """One web process: a thread that receives requests, and threads that answer them."""

    def run(self) -> None:
        """Serve until gunicorn ends the process. Requests that are being answered are finished."""
        channels: dict[int, Any] = {}
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(self.cfg.threads)
        adjustments = Adjustments(
            backlog=self.cfg.backlog,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=CHECK_SECONDS,
            connection_limit=MOST_CONNECTIONS,
            max_request_body_size=settings.LARGEST_FILE + 2 * FORM_SIZE,
            # Django decides which headers of proxies it trusts.
            clear_untrusted_proxy_headers=False,
            ident=None,
        )
        servers = [
            TimedServer(
                self.wsgi,
                map=channels,
                _sock=each.sock,
                dispatcher=dispatcher,
                adj=adjustments,
                sockinfo=(each.sock.family, each.sock.type, each.sock.proto, None),
                bind_socket=False,
            )
            for each in self.sockets
        ]
        while self.alive and os.getppid() == self.ppid:
            self._serve(channels)
        for server in servers:
            server.accepting = False
        give_up_at = time.monotonic() + self.cfg.graceful_timeout
        while _has_work(servers) and time.monotonic() < give_up_at:
            self._serve(channels)

    def _serve(self, channels: Mapping[int, Any]) -> None:
        self.notify()
        wasyncore.poll2(ROUND_SECONDS, channels)


def _has_work(servers: list[TimedServer]) -> bool:
    """Return whether a request is being answered, or a response being sent."""
    return any(
        channel.requests or channel.total_outbufs_len
        for server in servers
        for channel in server.active_channels.values()
    )
