"""Pacta recovers by itself when a server stops and returns."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.conftest import MailSink, Stack, eventually
from tests.flows.stack_data import enter_agreement, enter_obligation, enter_pending, status

pytestmark = pytest.mark.flow


@pytest.mark.exhaustive
def test_the_service_recovers_from_a_database_restart(stack: Stack, mail_sink: MailSink) -> None:
    stack.start()
    enter_agreement(stack)
    deadline, _ = enter_pending(stack, "lot-1")

    pid = stack.postgres.pid()
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    eventually(stack.postgres.has_ended, 10, "the database does not stop")
    answer = stack.request("GET", "/api/v1/deadlines/")
    assert answer.status == 503, answer.body
    stack.postgres.start()

    eventually(lambda: stack.request("GET", "/readyz").status == 200, 15, "not ready again")
    eventually(lambda: status(stack, deadline) == "unmet", 10, "the sweep does not go on")
    eventually(lambda: mail_sink.received, 10, "no mail")
    later = enter_obligation(stack, "lot-2", datetime.now(UTC) + timedelta(days=1))
    assert status(stack, later) == "pending"
    stack.assert_alive()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Part: ",
        b"POST /api/v1/facts/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
    ],
    ids=["nothing", "headers", "body"],
)
def test_a_thousand_half_open_connections_delay_no_request(stack: Stack, content: bytes) -> None:
    stack.start("web")
    with ExitStack() as clients:
        for _ in range(1_000):
            address = ("127.0.0.1", stack.port)
            client = clients.enter_context(socket.create_connection(address, timeout=60))
            client.sendall(content)
        times = []
        for _ in range(20):
            began = time.monotonic()
            assert stack.request("GET", "/healthz").status == 200
            times.append(time.monotonic() - began)
            time.sleep(0.25)
    # The threaded workers of gunicorn did not answer at all.
    assert sorted(times)[len(times) // 2] < 1, times
