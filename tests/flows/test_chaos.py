"""A short run of `make chaos`, and tests of its plan and verdict."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from standalone.postgres import Postgres
from tests.flows import chaos
from tests.flows.conftest import Received


def test_a_seed_determines_the_faults() -> None:
    assert chaos.plan(7, 100) == chaos.plan(7, 100)
    assert chaos.plan(7, 100) != chaos.plan(8, 100)
    assert {fault.kind for fault in chaos.plan(7, 100)} == set(chaos.FAULTS)


def test_the_verdict_counts_lost_duplicate_early_and_repeated_alerts() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    titles = [f"Deliver lot {place} of supply 0" for place in range(4)]
    sink = chaos.ChaosSink()
    for message_id, places in (
        ("<1@x>", (0, 1)),
        ("<1@x>", (0, 1)),
        ("<2@x>", (1,)),
        ("<3@x>", (2,)),
    ):
        message = EmailMessage()
        message["Message-ID"] = message_id
        message.set_content("".join(f"Missed: {titles[place]}\n" for place in places))
        sink.received.append(Received(at=now, sender="", recipients=[], message=message))
    due = dict.fromkeys(titles, now) | {titles[2]: now + timedelta(seconds=1)}
    verdict = chaos.judge(sink, due, [], 0, 1.0)
    assert (verdict.lost, verdict.doubled, verdict.early, verdict.repeats) == (1, 1, 1, 1)
    assert not verdict.is_good


@pytest.mark.flow
@pytest.mark.exhaustive
def test_faults_lose_duplicate_and_falsify_no_alert(
    tmp_path: Path, copy_data_folder: Callable[[Postgres], None]
) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    verdict = chaos.run(tmp_path, copy_data_folder, seed=seed, alerts=300, faults=8)
    chaos.report(verdict, chaos.plan(seed, 8))
    assert verdict.is_good, verdict
