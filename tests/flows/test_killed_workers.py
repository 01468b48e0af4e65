"""SIGKILL at any instant loses and duplicates no alert, and repeats at most one email per kill."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.flows.conftest import MailSink, Received, Stack, eventually
from tests.flows.stack_data import load_supplies, missed_lots

pytestmark = pytest.mark.flow

AGREEMENTS = 40
LOADING, SPREAD = timedelta(seconds=12), 10  # seconds


class SlowSink(MailSink):
    """Accepts emails slowly, so that a worker is usually killed during one."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.005)
        return answer


@pytest.fixture
def mail_sink() -> Iterator[MailSink]:
    sink = SlowSink()
    sink.start()
    yield sink
    sink.stop()


@pytest.mark.parametrize(
    ("per_agreement", "kills"),
    [pytest.param(10, 4), pytest.param(50, 12, marks=pytest.mark.exhaustive)],
)
def test_killed_workers_lose_and_duplicate_no_alert(
    stack: Stack, mail_sink: MailSink, per_agreement: int, kills: int
) -> None:
    deadlines = AGREEMENTS * per_agreement
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    first_due_at = (datetime.now(UTC) + LOADING).replace(microsecond=0)
    titles = load_supplies(
        stack,
        [
            [
                first_due_at + timedelta(seconds=(number + place) % SPREAD)
                for place in range(per_agreement)
            ]
            for number in range(AGREEMENTS)
        ],
    )
    stack.start("beat", "sweep", "delivery")
    with psycopg.connect(stack.postgres.url, autocommit=True) as database:
        assert count(database, "compliance_deadline") == deadlines
        time.sleep(max(0.0, (first_due_at - datetime.now(UTC)).total_seconds()))

        for number in range(kills):
            name = "sweep" if number % 2 else "delivery"
            wait_until_active(name, mail_sink, database)
            time.sleep(dice.choice((0, dice.uniform(0, 0.01), dice.uniform(0, 0.5))))
            stack.kill(name)
            stack.start(name)
        eventually(
            lambda: is_everything_delivered(database, deadlines),
            50,
            "not every alert was delivered",
        )

        assert count(database, "compliance_breach") == deadlines
        assert count(database, "compliance_ledgerentry WHERE status = 'unmet'") == deadlines
        assert count(database, "compliance_alert") == deadlines
        detected = "compliance_breach WHERE detected_at < occurred_at"
        assert count(database, detected) == 0

    first: dict[str, Received] = {}
    for received in mail_sink.received:
        earlier = first.setdefault(received.message_id, received)
        assert missed_lots(received.text) == missed_lots(earlier.text), "a repeated email differs"
    repeated = len(mail_sink.received) - len(first)
    print(f"{kills} kills, {len(first)} messages, {repeated} repeated")
    assert repeated <= kills
    announced = Counter(
        title for received in first.values() for title in missed_lots(received.text)
    )
    assert announced == Counter(dict.fromkeys(titles, 1))


def wait_until_active(
    name: str, mail_sink: MailSink, database: psycopg.Connection[tuple[int]]
) -> None:
    """Wait until an email arrives or a sweep begins, or for a few seconds if nothing is left."""
    begun = len(mail_sink.received)
    sweeps = "compliance_jobrun WHERE kind = 'sweep'"
    runs = count(database, sweeps)
    give_up_at = time.monotonic() + 4
    while time.monotonic() < give_up_at:
        if name == "delivery" and len(mail_sink.received) > begun:
            return
        if name == "sweep" and count(database, sweeps) > runs:
            return
        time.sleep(0.005)


def is_everything_delivered(database: psycopg.Connection[tuple[int]], deadlines: int) -> bool:
    return (
        count(database, "compliance_breach") == deadlines
        and count(database, "compliance_alert WHERE message_id IS NULL") == 0
        and count(database, "compliance_message WHERE state <> 'sent'") == 0
    )


def count(database: psycopg.Connection[tuple[int]], rows: str) -> int:
    found = database.execute(f"SELECT count(*) FROM {rows}").fetchone()
    assert found is not None
    return found[0]
