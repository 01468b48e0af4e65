"""Chaos: processes are killed, hung and restarted while deadlines pass; no alert may be lost.

`python -m tests.flows.chaos [--seed N] [--alerts N] [--faults N]`. The seed determines the faults,
and is printed. The verdict relies on what the mail server received, not on our own tables.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from standalone.postgres import Postgres
from tests.flows.conftest import MailSink, Stack, stack_in
from tests.flows.stack_data import load_supplies, missed_lots

PER_AGREEMENT = 10
# The relative frequency of each fault.
FAULTS = {
    "kill sweep": 12,
    "kill delivery": 14,
    "kill beat": 6,
    "hang sweep": 5,
    "hang delivery": 6,
    "hang beat": 3,
    "kill Valkey": 6,
    "hang Valkey": 4,
    "kill PostgreSQL": 7,
    "hang PostgreSQL": 5,
    "restart SMTP": 7,
    "SMTP 451 at MAIL": 6,
    "SMTP 550 at MAIL": 6,
    "SMTP 421 at DATA": 6,
    "SMTP 554 at DATA": 4,
    "SMTP drops after DATA": 8,
    "SMTP stalls": 1,
}
# Faults that can repeat one email: its OK was sent but not received, or received but not recorded.
# This includes a mail server that stops before its OK is transmitted.
_REPEATING = (
    "kill delivery",
    "kill PostgreSQL",
    "restart SMTP",
    "SMTP drops after DATA",
    "SMTP stalls",
)
STALL_SECONDS = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A fault, the pause before it, and its duration, both in seconds."""

    kind: str
    pause: float
    length: float


def plan(seed: int, count: int) -> list[Fault]:
    """Return the faults of a seed. Every kind occurs if `count` allows."""
    dice = random.Random(seed)
    kinds = list(FAULTS) if count >= len(FAULTS) else []
    kinds += dice.choices(list(FAULTS), weights=list(FAULTS.values()), k=count - len(kinds))
    dice.shuffle(kinds)
    return [
        Fault(
            kind=kind,
            pause=round(dice.uniform(0.2, 2.5), 2),
            length=round(dice.uniform(0.3, 2.5), 2),
        )
        for kind in kinds
    ]


@dataclass
class ChaosSink(MailSink):
    """A mail server that has a fault while `fault` is set."""

    fault: str = ""
    # The numbers of the faults that affected an email.
    effective: set[int] = field(default_factory=set)
    number: int = 0

    async def handle_MAIL(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        if self.fault.endswith("at MAIL"):
            self.effective.add(self.number)
            return f"{self.fault.split()[1]} not now"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.fault:
            self.effective.add(self.number)
        if self.fault.endswith("at DATA"):
            return f"{self.fault.split()[1]} not this one"
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.003)
        if self.fault == "SMTP drops after DATA":
            self.fault = ""
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        elif self.fault == "SMTP stalls":
            self.fault = ""
            await asyncio.sleep(STALL_SECONDS)
        return answer


@dataclass(kw_only=True)
class Verdict:
    """The outcome of a run."""

    alerts: int
    mails: int
    messages: int
    lost: int
    doubled: int
    early: int
    repeats: int
    allowed: int
    refused: int
    effective_smtp_faults: int
    last_second: float
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether no alert was lost, duplicated or early, and not too many were repeated."""
        return not (self.lost or self.doubled or self.early) and self.repeats <= self.allowed


def run(
    folder: Path,
    copy_data_folder: Callable[[Postgres], None] = lambda _postgres: None,
    *,
    seed: int,
    alerts: int,
    faults: int,
) -> Verdict:
    """Play one run in this folder, and judge it."""
    sink = ChaosSink()
    sink.start()
    try:
        with stack_in(folder, sink.url, copy_data_folder, is_durable=True) as stack:
            return _play(stack, sink, plan(seed, faults), alerts)
    finally:
        sink.stop()


def _play(stack: Stack, sink: ChaosSink, faults: list[Fault], alerts: int) -> Verdict:
    spread = sum(each.pause + each.length for each in faults) + STALL_SECONDS * sum(
        each.kind == "SMTP stalls" for each in faults
    )
    loading = 15 + alerts / 60
    first = (datetime.now(UTC) + timedelta(seconds=loading)).replace(microsecond=0)
    due = load_supplies(stack, _spread(alerts, first, spread))
    stack.start("beat", "sweep", "delivery")
    time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds()))
    begun = time.monotonic()
    for number, fault in enumerate(faults, 1):
        time.sleep(fault.pause)
        print(f"{time.monotonic() - begun:6.1f} s  {number:>3} {fault.kind}", flush=True)
        sink.number = number
        _cause(stack, sink, fault)
    sink.fault = ""
    _wait_until_over(stack, alerts)
    refused = _send_refused_again(stack)
    _wait_until_over(stack, alerts)
    time.sleep(3)
    return judge(sink, due, faults, refused, time.monotonic() - begun)


def _spread(alerts: int, first: datetime, seconds: float) -> list[list[datetime]]:
    """Return the due instants by agreement, spread over the whole run."""
    agreements = alerts // PER_AGREEMENT
    return [
        [
            first + timedelta(seconds=int((number + place / PER_AGREEMENT) / agreements * seconds))
            for place in range(PER_AGREEMENT)
        ]
        for number in range(agreements)
    ]


def _wait_until_over(stack: Stack, alerts: int) -> None:
    # Deferred emails wait, and the lease of a killed worker must expire.
    give_up_at = time.monotonic() + 420
    while time.monotonic() < give_up_at and not _is_over(stack, alerts):
        time.sleep(0.5)


def _send_refused_again(stack: Stack) -> int:
    """Redeliver refused messages, like an administrator; return their number."""
    stack.start("web")
    messages: dict[str, int] = {}
    page: str | None = "/api/v1/alerts/?state=failed&page_size=1000"
    while page:
        answer = stack.get(page)
        messages |= {row["message_id"]: row["id"] for row in answer["results"]}
        page = answer["next"] and answer["next"].removeprefix(stack.address)
    for alert_id in messages.values():
        stack.post(f"/api/v1/alerts/{alert_id}/redeliver/", None)
    return len(messages)


def _cause(stack: Stack, sink: ChaosSink, fault: Fault) -> None:
    """Cause one fault, and end it."""
    verb, _, name = fault.kind.partition(" ")
    servers = {"Valkey": stack.valkey, "PostgreSQL": stack.postgres}
    if verb == "SMTP":
        sink.fault = fault.kind
        time.sleep(fault.length)
        if fault.kind == "SMTP stalls":
            time.sleep(STALL_SECONDS)
        sink.fault = ""
    elif fault.kind == "restart SMTP":
        sink.stop()
        time.sleep(fault.length)
        sink.start()
    elif name in servers:
        server = servers[name]
        pid = server.pid()
        assert pid is not None
        if verb == "kill":
            # SIGQUIT crashes PostgreSQL: it stops immediately and recovers when it starts.
            os.kill(pid, signal.SIGQUIT if name == "PostgreSQL" else signal.SIGKILL)
            while not server.has_ended():
                time.sleep(0.05)
            time.sleep(fault.length)
            server.start(is_owner=True)
        else:
            _hang(_pid_and_children(pid), fault.length)
    elif verb == "kill":
        stack.kill(name)
        time.sleep(fault.length / 4)
        stack.start(name)
    else:
        _hang([stack.processes[name].pid], fault.length)


def _hang(pids: list[int], seconds: float) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _pid_and_children(pid: int) -> list[int]:
    """Return the pids of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    own = children.read_text().split() if children.exists() else []
    return [pid, *map(int, own)]


def _is_over(stack: Stack, alerts: int) -> bool:
    try:
        with psycopg.connect(stack.postgres.url, connect_timeout=3) as database:
            row = database.execute(
                "SELECT (SELECT count(*) FROM compliance_breach),"
                " (SELECT count(*) FROM compliance_alert WHERE message_id IS NULL),"
                " (SELECT count(*) FROM compliance_message WHERE state = 'waiting')"
            ).fetchone()
    except psycopg.Error:
        return False
    return row == (alerts, 0, 0)


def judge(
    sink: ChaosSink, due: dict[str, datetime], faults: list[Fault], refused: int, seconds: float
) -> Verdict:
    """Return the outcome of a run, from what the mail server received."""
    announced: dict[str, set[str]] = {}
    early = 0
    for received in sink.received:
        for title in missed_lots(received.text):
            announced.setdefault(title, set()).add(received.message_id)
            early += received.at < due[title]
    messages = len({received.message_id for received in sink.received})
    lost = sorted(due.keys() - announced.keys())
    doubled = sorted(title for title, ids in announced.items() if len(ids) > 1)
    allowed = sum(each.kind in _REPEATING for each in faults)
    return Verdict(
        alerts=len(due),
        mails=len(sink.received),
        messages=messages,
        lost=len(lost),
        doubled=len(doubled),
        early=early,
        repeats=len(sink.received) - messages,
        allowed=allowed,
        refused=refused,
        effective_smtp_faults=len(sink.effective),
        last_second=seconds,
        problems=[f"lost: {each}" for each in lost[:5]]
        + [f"doubled: {each}" for each in doubled[:5]],
    )


def report(verdict: Verdict, faults: list[Fault]) -> None:
    """Print all figures of a run."""
    counts = Counter(each.kind for each in faults)
    print(f"faults: {len(faults)}: " + ", ".join(f"{n} x {kind}" for kind, n in counts.items()))
    print(f"alerts {verdict.alerts:,} in {verdict.messages:,} messages, {verdict.mails:,} mails")
    print(f"faults of the mail server that affected an email {verdict.effective_smtp_faults}")
    print(f"permanently refused messages that were redelivered {verdict.refused}")
    print(f"lost {verdict.lost}")
    print(f"duplicates after folding by Message-ID {verdict.doubled}")
    print(f"announced before due {verdict.early}")
    print(f"repeats before folding {verdict.repeats} (at most {verdict.allowed}, one per fault)")
    print(f"took {verdict.last_second:.0f} s from the first instant")
    for problem in verdict.problems:
        print(problem)


def main() -> int:
    """Play one run with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--faults", type=int, default=100)
    options_given = parser.parse_args()
    print(f"seed {options_given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pacta-chaos-") as folder:
        verdict = run(
            Path(folder),
            seed=options_given.seed,
            alerts=options_given.alerts,
            faults=options_given.faults,
        )
    report(verdict, plan(options_given.seed, options_given.faults))
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
