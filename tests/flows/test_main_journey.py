"""The main journey: a deadline passes unmet, its followers are notified, and it is met late."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from tests.flows.conftest import ADMIN_EMAIL, MailSink, Stack, eventually
from tests.flows.stack_data import enter_agreement, enter_pending, status

pytestmark = pytest.mark.flow


def test_a_missed_deadline_is_detected_announced_and_met_late(
    stack: Stack, mail_sink: MailSink
) -> None:
    stack.start()
    enter_agreement(stack)
    assert stack.get("/api/v1/breaches/")["results"] == []
    deadline, due_at = enter_pending(stack, "lot-1")

    eventually(lambda: status(stack, deadline) == "unmet", 20, "not flagged")
    flagged_at = datetime.now(UTC)
    eventually(lambda: mail_sink.received, 10, "no mail")

    assert due_at <= flagged_at
    [missed] = mail_sink.received
    assert due_at <= missed.at
    assert missed.recipients == [ADMIN_EMAIL]
    assert missed.message["Subject"] == "Missed: Deliver lot-1 (China)"
    assert f"/admin/compliance/deadline/{deadline}/change/" in missed.text
    [breach] = stack.get("/api/v1/breaches/")["results"]
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
    [breach] = stack.get("/api/v1/breaches/")["results"]
    assert instant(breach["occurred_at"]) == due_at
    assert instant(breach["ended_at"]) == done_at
    assert breach["end_reason"] == "performed"
    eventually(lambda: len(mail_sink.received) == 2, 10, "no email about the recovery")
    recovered = mail_sink.received[1].message
    assert recovered["Subject"] == "Met late: Deliver lot-1 (China)"
    assert recovered["In-Reply-To"] == missed.message_id


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
