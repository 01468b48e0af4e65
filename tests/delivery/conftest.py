"""A desk with agreements, and servers that answer as a test requires."""

from __future__ import annotations

import asyncio
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from compliance import delivery
from compliance.delivery import DeliveryReport
from compliance.domain.agreements.drafts import AgreementDraft, ObligationDraft, PartyDraft
from compliance.domain.alerts.drafts import SubscriptionDraft
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import Agreement, Deadline, Fact, Subscription
from compliance.operations.agreements import agreements, obligations, parties
from compliance.operations.alerts import subscriptions
from compliance.operations.deadlines import facts, sweep
from tests.samples import create_agreement, obligation

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DUE = NOW + timedelta(hours=3)
READER = "reader@example.org"

PARTIES = [
    {"code": "CHN", "name": "China", "kind": "state", "timezone": "Asia/Shanghai"},
    {"code": "USA", "name": "United States", "kind": "state", "timezone": "America/New_York"},
]

HANG_UP, STALL = "hang up", "stall"


@dataclass
class Sink:
    """A mail server.

    `answers` returns its answer to the n-th email: an SMTP reply, or `HANG_UP` or `STALL` after it
    has received all of it. `recipient_answers` returns its answer to an address.
    """

    port: int
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    answers: Callable[[int], str] = lambda _number: "250 OK"
    recipient_answers: Callable[[str], str] = lambda _address: "250 OK"

    @property
    def subjects(self) -> list[str]:
        return [str(message["Subject"]).strip() for message in self.received]

    async def handle_EHLO(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        answer = self.recipient_answers(address)
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.received.append(message_from_bytes(content, policy=policy.default))
        self.recipients += envelope.rcpt_tos
        answer = self.answers(len(self.received))
        if answer == HANG_UP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if answer == STALL:
            await asyncio.sleep(60)
        return answer


@pytest.fixture
def sink(settings: Any) -> Iterator[Sink]:
    """Return a running mail server, to which the settings point."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        sink = Sink(port=probe.getsockname()[1])
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = sink.port
    settings.DEFAULT_FROM_EMAIL = "Pacta <pacta@desk.example>"
    settings.SITE_URL = "https://pacta.example"
    yield sink
    controller.stop(no_assert=True)


class Receiver(http.server.ThreadingHTTPServer):
    """A webhook receiver with configurable answers."""

    status = 200
    retry_after = ""
    drip = 0.0
    wait = 0.0
    daemon_threads = True

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?x=1"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers), body))
        time.sleep(self.server.wait)
        if self.server.drip:
            for _ in range(40):
                time.sleep(self.server.drip)
                self.wfile.write(b"H")
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", self.server.url)
        if self.server.retry_after:
            self.send_header("Retry-After", self.server.retry_after)
        self.end_headers()
        self.wfile.write(b"x" * 200_000)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


class Desk:
    """Enters agreements, and runs the ticks of the workers."""

    def __init__(self) -> None:
        for draft in PARTIES:
            parties.create(draft=read(PartyDraft, draft))

    def agreement(self, ref: str = "supply-2026", title: str = "Supply agreement") -> Agreement:
        draft = {
            "ref": ref,
            "title": title,
            "kind": "contract",
            "timezone": "Europe/Berlin",
            "parties": [{"code": "CHN"}, {"code": "USA"}],
        }
        return agreements.create(draft=read(AgreementDraft, draft), as_of=NOW)

    def deadline(
        self, agreement: Agreement, title: str = "Deliver", due_at: datetime = DUE, **terms: Any
    ) -> Deadline:
        """Create an obligation of China to the United States, and return its deadline."""
        draft = {
            "ref": f"O-{agreement.obligations.count() + 1}",
            "title": title,
            "obligors": ["CHN"],
            "obligees": ["USA"],
            "due": {
                "type": "date",
                "on": f"{due_at:%Y-%m-%d}",
                "time": f"{due_at:%H:%M:%S}",
                "timezone": "UTC",
            },
            **terms,
        }
        obligation = obligations.create(
            agreement=agreement, draft=read(ObligationDraft, draft), as_of=NOW
        )
        return obligation.deadlines.get()

    def enter(self, count: int, ref: str = "supply-2026", **more: Any) -> Deadline:
        """Create an agreement with many obligations; return the deadline of the first.

        It takes a fraction of the time of creating one after the other.
        """
        due = {
            "type": "date", "on": f"{DUE:%Y-%m-%d}", "time": f"{DUE:%H:%M:%S}", "timezone": "UTC",
        }  # fmt: skip
        lots = (obligation(f"O-{n + 1}", due=due, obligees=["USA"]) for n in range(count))
        return create_agreement(*lots, ref=ref, parties=PARTIES, as_of=NOW, **more)

    def follow(
        self, email: str = READER, agreement: str | None = None, **more: Any
    ) -> Subscription:
        draft = {"email": email, "agreement": agreement, **more}
        return subscriptions.create(draft=read(SubscriptionDraft, draft), by=None)

    def record(self, deadline: Deadline, as_of: datetime, **fact: Any) -> Fact:
        draft = read(FactDraft, fact)
        return facts.record(deadline=deadline, draft=draft, by=None, as_of=as_of)

    def sweep(self, as_of: datetime = DUE) -> None:
        sweep.run(as_of=as_of)

    def deliver(self, as_of: datetime = DUE) -> DeliveryReport:
        return delivery.deliver(as_of=as_of)

    def pass_to(self, as_of: datetime) -> DeliveryReport:
        """Run one tick of each kind at `as_of`."""
        self.sweep(as_of)
        return self.deliver(as_of)


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()
