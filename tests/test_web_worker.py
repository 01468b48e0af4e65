"""Slow clients neither stop the web server nor keep their connections."""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from config.env import BASE_DIR
from tests.flows.conftest import clean_environment, eventually, free_port
from tests.web_application import BIG

HEADER = b"GET / HTTP/1.1\r\nHost: x\r\nX-Part: "
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nab"
EXPORT = b"GET /export HTTP/1.1\r\nHost: x\r\n\r\n"
BIG_RESPONSE = b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"
# Twice the number of threads in the test.
MANY = 4

_SHORT_LIMITS = """
import sys
from config import web_worker
web_worker.IDLE_SECONDS = {idle}
web_worker.HEADER_SECONDS = {header}
web_worker.REQUEST_SECONDS = {request}
web_worker.PERIOD_SECONDS = {period}
web_worker.CHECK_SECONDS = 0
web_worker.ROUND_SECONDS = 0.2
from gunicorn.app.wsgiapp import run
sys.exit(run())
"""


class Server:
    """A web server with one process, which serves `web_application`."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        """Remember the process."""
        self.process = process
        self.port = port

    def connect(self, content: bytes = b"") -> socket.socket:
        """Open a connection and send the beginning of a request."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        client.sendall(content)
        return client

    def get(self, path: str = "/") -> bytes:
        """Return the body of a response."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    def answers(self) -> bool:
        """Return whether it serves a request."""
        try:
            return self.get() == b"0"
        except OSError:
            return False


@contextmanager
def serving(
    *,
    idle: float = 600,
    header: float = 600,
    request: float = 600,
    period: float = 600,
    threads: int = 2,
) -> Iterator[Server]:
    """Run a server with the given limits, in seconds."""
    port = free_port()
    code = _SHORT_LIMITS.format(idle=idle, header=header, request=request, period=period)
    options = ["--bind", f"127.0.0.1:{port}", "--threads", str(threads), "--no-control-socket"]
    worker = ["--worker-class", "config.web_worker.WebWorker", "tests.web_application:application"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options, *worker],
        cwd=BASE_DIR,
        env=clean_environment(SECRET_KEY=secrets.token_urlsafe(50)),
    )
    try:
        server = Server(process, port)
        eventually(server.answers, 30, "the server does not start")
        yield server
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that cuts nobody off during the tests."""
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def impatient_server() -> Iterator[Server]:
    """A server that cuts off a client that has sent nothing for a second."""
    with serving(idle=1) as server:
        yield server


def is_cut_off(client: socket.socket) -> bool:
    """Return whether the server has closed a connection, without waiting."""
    client.setblocking(False)
    try:
        return client.recv(2**20) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("content", [b"", HEADER, BODY, BIG_RESPONSE], ids=repr)
def test_slow_clients_occupy_no_thread(server: Server, content: bytes) -> None:
    with ExitStack() as clients:
        for _ in range(MANY if content != BIG_RESPONSE else 1):
            clients.enter_context(server.connect(content))
        assert server.get() == b"0"


@pytest.mark.parametrize("content", [HEADER, BODY])
def test_a_request_that_drips_in_is_cut_off(content: bytes) -> None:
    with serving(header=1, request=1) as server, server.connect(content) as client:
        began = time.monotonic()

        def drip() -> bool:
            if is_cut_off(client):
                return True
            client.send(b"x")
            return False

        eventually(drip, 30, "it is still connected")
        assert time.monotonic() - began > 0.9


@pytest.mark.parametrize("content", [b"", HEADER, BODY], ids=["nothing", "headers", "body"])
def test_an_idle_client_is_cut_off(impatient_server: Server, content: bytes) -> None:
    with impatient_server.connect(content) as client:
        eventually(lambda: is_cut_off(client), 30, "it is still connected")
        assert impatient_server.get() == b"0"


def test_clients_that_do_not_read_their_response_are_cut_off(impatient_server: Server) -> None:
    with ExitStack() as clients:
        for _ in range(MANY):
            clients.enter_context(impatient_server.connect(BIG_RESPONSE))
        assert impatient_server.get() == b"0"


def test_clients_that_read_too_slowly_are_cut_off() -> None:
    with serving(period=1) as server, ExitStack() as clients:
        slow = [clients.enter_context(server.connect(BIG_RESPONSE)) for _ in range(MANY)]
        is_over = threading.Event()

        def drip() -> None:
            while not is_over.wait(0.05):
                for each in slow:
                    each.recv(1000)

        reader = threading.Thread(target=drip)
        reader.start()
        try:
            assert server.get() == b"0"
        finally:
            is_over.set()
            reader.join()


def test_slow_readers_of_exports_leave_threads_for_others() -> None:
    with serving(threads=4) as server:
        with ExitStack() as clients:
            for _ in range(2 * MANY):
                clients.enter_context(server.connect(EXPORT))
            eventually(lambda: server.get("/export") == b"busy", 10, "exports are not limited")
            for _ in range(3):
                began = time.monotonic()
                assert server.get() == b"0"
                assert time.monotonic() - began < 1
        eventually(lambda: len(server.get("/export")) == BIG, 10, "no export ends")


def test_a_long_response_arrives_completely(server: Server) -> None:
    assert len(server.get("/big")) == BIG


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    content = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
    with server.connect(content) as client:
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_request_in_progress_is_answered_when_the_server_is_stopped() -> None:
    with serving() as server:
        bodies: list[bytes] = []
        client = threading.Thread(target=lambda: bodies.append(server.get("/slow")))
        client.start()
        time.sleep(0.3)
        os.kill(server.process.pid, signal.SIGTERM)
        client.join(30)
        assert bodies == [b"0"]
        assert server.process.wait(30) == 0
