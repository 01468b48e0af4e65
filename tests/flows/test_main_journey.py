"""The main journey, and an outage of the broker, with the same running programs.

A deadline passes unmet, its followers are notified, and it is met late.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

import psycopg
import pytest

from tests.flows.conftest import ADMIN_EMAIL, MailSink, Stack, eventually
from tests.flows.stack_data import enter_agreement, enter_pending, status

pytestmark = pytest.mark.flow


def test_a_missed_deadline_is_detected_announced_and_met_late(
    shared_stack: tuple[Stack, MailSink],
) -> None:
    stack, mail_sink = shared_stack
    enter_agreement(stack, "journey")
    breaches = "/api/v1/breaches/?agreement=journey"
    assert stack.get(breaches)["results"] == []
    before = len(mail_sink.received)
    deadline, due_at = enter_pending(stack, "lot-1", agreement="journey")

    eventually(lambda: status(stack, deadline) == "unmet", 20, "not flagged")
    flagged_at = datetime.now(UTC)
    eventually(lambda: mail_sink.received[before:], 10, "no mail")

    assert due_at <= flagged_at
    [missed] = mail_sink.received[before:]
    assert due_at <= missed.at
    assert missed.recipients == [ADMIN_EMAIL]
    assert missed.message["Subject"] == "Missed: Deliver lot-1 (China)"
    assert f"/admin/compliance/deadline/{deadline}/change/" in missed.text
    [breach] = stack.get(breaches)["results"]
    assert breach["deadline"] == deadline
    assert instant(breach["occurred_at"]) == due_at
    detected_at = instant(breach["detected_at"])
    assert due_at <= detected_at
    assert sweeps_that_missed(stack, due_at, detected_at) == 0
    assert breach["ended_at"] is None

    done_at = datetime.now(UTC)
    fact = {"deadline": deadline, "type": "performance", "at": done_at.isoformat()}
    stack.post("/api/v1/facts/", fact)

    assert status(stack, deadline) == "met_late"
    [breach] = stack.get(breaches)["results"]
    assert instant(breach["occurred_at"]) == due_at
    assert instant(breach["ended_at"]) == done_at
    assert breach["end_reason"] == "performed"
    later = before + 1
    eventually(lambda: mail_sink.received[later:], 10, "no email about the recovery")
    [recovered] = [each.message for each in mail_sink.received[later:]]
    assert recovered["Subject"] == "Met late: Deliver lot-1 (China)"
    assert recovered["In-Reply-To"] == missed.message_id


def test_writes_succeed_without_a_broker_and_the_sweep_catches_up(
    shared_stack: tuple[Stack, MailSink],
) -> None:
    stack, mail_sink = shared_stack
    enter_agreement(stack, "outage")
    before, _ = enter_pending(stack, "before", agreement="outage")
    eventually(lambda: status(stack, before) == "unmet", 20, "no sweep")

    stack.valkey.stop()
    during, due_at = enter_pending(stack, "during", agreement="outage")
    time.sleep(max(0.0, (due_at - datetime.now(UTC)).total_seconds()) + 3)
    assert status(stack, during) == "pending", "no tick, no change"
    fact = {"deadline": before, "type": "performance", "at": datetime.now(UTC).isoformat()}
    stack.post("/api/v1/facts/", fact)
    assert status(stack, before) == "met_late"

    stack.valkey.start()
    eventually(lambda: status(stack, during) == "unmet", 15, "the sweep does not catch up")
    [breach] = [
        breach
        for breach in stack.get("/api/v1/breaches/")["results"]
        if breach["deadline"] == during
    ]
    assert datetime.fromisoformat(breach["occurred_at"]) == due_at
    # On its own, or in one email with the recovery of the other deadline.
    line = "Missed: Deliver during"
    eventually(lambda: any(line in each.text for each in mail_sink.received), 10, "no mail")
    stack.assert_alive()


def sweeps_that_missed(stack: Stack, due_at: datetime, detected_at: datetime) -> int:
    """Return how many sweeps ended after the due instant without detecting the breach."""
    with psycopg.connect(stack.postgres.url) as database:
        found = database.execute(
            "SELECT count(*) FROM compliance_jobrun"
            " WHERE kind = 'sweep' AND as_of >= %s AND ended_at < %s",
            [due_at, detected_at],
        ).fetchone()
    assert found is not None
    return int(found[0])


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
