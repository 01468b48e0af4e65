"""Stacks of real processes, each with its own servers, which a test may stop."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.env import BASE_DIR
from standalone.postgres import Postgres
from standalone.programs import programs
from standalone.valkey import Valkey
from tests import databases

ADMIN_EMAIL = "admin@example.org"
# Seconds after which a command or request counts as hung.
PATIENCE = 300
PROGRAMS = {program.name: program for program in programs()}


def eventually(condition: Callable[[], object], seconds: float, message: str = "") -> None:
    """Wait until the condition holds, and fail if it does not within this many seconds.

    The seconds are those of an idle machine: while three processes compete for each core, a second
    takes three.
    """
    left = seconds
    while True:
        begun = time.monotonic()
        if condition():
            return
        if left < 0:
            pytest.fail(message or f"did not come true within {seconds} s")
        time.sleep(0.05)
        left -= (time.monotonic() - begun) / max(1.0, _processes_per_core())


def _processes_per_core() -> float:
    try:
        running = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except OSError:  # not Linux
        return 1.0
    return running / (os.cpu_count() or 1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# --- Mail -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Received:
    """An email that the mail server received."""

    at: datetime
    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class MailSink:
    """A mail server that stores emails and answers `reply` to each."""

    port: int = field(default_factory=free_port)
    received: list[Received] = field(default_factory=list)
    reply: str = "250 OK"
    _controller: Controller | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.reply.startswith("2"):
            content = envelope.content
            assert isinstance(content, bytes)
            message = message_from_bytes(content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.received.append(
                Received(
                    at=datetime.now(UTC),
                    sender=envelope.mail_from or "",
                    recipients=list(envelope.rcpt_tos),
                    message=message,
                )
            )
        return self.reply

    def start(self) -> None:
        # SMTPUTF8 is off, as on many servers.
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    """A mail server on a free port, with all emails it has received."""
    sink = MailSink()
    sink.start()
    yield sink
    sink.stop()


# --- Processes ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP response of the web process."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class Stack:
    """Pacta as it runs for its users, process by process.

    `postgres` and `valkey` are up from the beginning and may be stopped, killed and started again;
    the programs (`web`, `sweep`, `delivery`, `beat`) run once they are started.
    """

    folder: Path
    port: int
    postgres: Postgres
    valkey: Valkey
    environment: dict[str, str]
    token: str = ""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *arguments: str, is_checked: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py, and wait for its end."""
        finished = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if is_checked:
            assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished

    def start(self, *names: str, **settings: str) -> None:
        """Start programs, all by default; settings are added to their environment."""
        for name in names or PROGRAMS:
            assert name not in self.processes, f"{name} runs already"
            with self.log(name).open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    PROGRAMS[name].command,
                    cwd=BASE_DIR,
                    env={**self.environment, **settings},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if "web" in (names or PROGRAMS):
            eventually(self.is_web_up, 60, "the web does not answer")

    def assert_alive(self) -> None:
        """Assert that all programs run."""
        ends = {name: process.poll() for name, process in self.processes.items()}
        assert ends == dict.fromkeys(PROGRAMS)

    def kill(self, name: str) -> None:
        """Kill a program and its children with SIGKILL."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, *names: str) -> None:
        """Stop programs, all by default, and wait until they have ended."""
        ending = [self.processes.pop(name) for name in names or tuple(self.processes)]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def is_web_up(self) -> bool:
        try:
            return self.request("GET", "/healthz").status == http.client.OK
        except OSError:
            return False

    def request(
        self, method: str, path: str, content: object = None, *, token: str | None = None
    ) -> Answer:
        """Ask the web, with the stack's token unless another is given; "" sends none.

        Args:
            content: bytes go as they are, anything else as JSON.
        """
        headers = {"Accept": "application/json"}
        if token is None:
            token = self.token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(
                status=answer.status, headers=dict(answer.getheaders()), body=answer.read()
            )
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.request("GET", path)
        assert answer.status == http.client.OK, answer.body
        return answer.json()

    def post(self, path: str, content: object) -> Any:
        """Return the JSON of a POST that must succeed."""
        answer = self.request("POST", path, content)
        assert answer.status in {http.client.OK, http.client.CREATED}, answer.body
        return answer.json()

    def log(self, name: str) -> Path:
        """Return the path of the log of a program."""
        return self.folder / f"{name}.log"

    def logs(self) -> str:
        """Return the end of every log."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(errors='replace')[-6000:]}"
            for path in sorted(self.folder.glob("**/*.log"))
        )


def clean_environment(**settings: str) -> dict[str, str]:
    """Return the environment of this process with these settings in place of its own."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


_report = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Store the outcome where fixtures can read it."""
    report = yield
    if report.when == "call" or report.failed:
        item.stash[_report] = report
    return report


def has_failed(request: pytest.FixtureRequest) -> bool:
    """Return whether the test of a fixture, or its set-up, has failed."""
    report = request.node.stash.get(_report, None)
    return report is None or report.failed


@contextmanager
def stack_in(
    folder: Path,
    mail_url: str,
    copy_data_folder: Callable[[Postgres], None] = lambda _postgres: None,
    /,
    *,
    is_durable: bool = False,
    **settings: str,
) -> Iterator[Stack]:
    """Yield a migrated stack with an administrator and a token, but without running programs.

    Ticks come every second, unless `settings` say otherwise.

    Args:
        copy_data_folder: gives the database a migrated data folder.
        is_durable: whether the database must survive a crash.
    """
    var_dir = folder / "var"
    postgres, valkey = Postgres(var_dir, is_durable=is_durable), Valkey(var_dir)
    copy_data_folder(postgres)
    port = free_port()
    stack = Stack(
        folder=folder,
        port=port,
        postgres=postgres,
        valkey=valkey,
        environment=clean_environment(
            DATABASE_URL=postgres.url,
            REDIS_URL=valkey.url,
            VAR_DIR=str(var_dir),
            PORT=str(port),
            EMAIL_URL=mail_url,
            SECRET_KEY=secrets.token_urlsafe(50),
            ADMIN_EMAIL=ADMIN_EMAIL,
            ADMIN_PASSWORD=secrets.token_urlsafe(12),
            # Some of these clients send requests as fast as they can.
            API_REQUESTS_PER_MINUTE="10000000",
            **{"SWEEP_SECONDS": "1", "DELIVERY_SECONDS": "1", **settings},
        ),
    )
    with ExitStack() as ending:
        ending.enter_context(postgres.running(is_owner=True))
        ending.enter_context(valkey.running(is_owner=True))
        ending.callback(stack.stop)
        stack.manage("up", "--prepare-only", "--no-examples")
        stack.token = stack.manage("create_token", "flow").stdout.strip().splitlines()[-1]
        yield stack


@pytest.fixture
def copy_data_folder(django_db_blocker: Any) -> Callable[[Postgres], None]:
    """A function that gives a new server a migrated database, in a second instead of twenty."""

    def copy(postgres: Postgres) -> None:
        with django_db_blocker.unblock():
            databases.copy_data_folder(postgres)

    return copy


@pytest.fixture(scope="module")
def shared_servers(
    tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[tuple[Stack, MailSink]]:
    """A stack in which all programs run, and its mail server. Tests leave both running."""

    def copy(postgres: Postgres) -> None:
        with django_db_blocker.unblock():
            databases.copy_data_folder(postgres)

    sink = MailSink()
    sink.start()
    try:
        with stack_in(tmp_path_factory.mktemp("shared"), sink.url, copy) as stack:
            stack.start()
            yield stack, sink
    finally:
        sink.stop()


@pytest.fixture
def shared_stack(
    request: pytest.FixtureRequest, shared_servers: tuple[Stack, MailSink]
) -> Iterator[tuple[Stack, MailSink]]:
    """The same, for one test. If it fails, all logs are printed."""
    yield shared_servers
    if has_failed(request):
        print(shared_servers[0].logs())


@pytest.fixture
def stack(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    mail_sink: MailSink,
    copy_data_folder: Callable[[Postgres], None],
) -> Iterator[Stack]:
    """A stack that mails to `mail_sink`. If the test fails, all logs are printed."""
    with ExitStack() as ending:
        stack = ending.enter_context(stack_in(tmp_path, mail_sink.url, copy_data_folder))
        ending.callback(lambda: print(stack.logs()) if has_failed(request) else None)
        yield stack
