"""The main job: a deadline passes unmet, those who follow it hear of it, and it ends well, late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.flows.conftest import ADMIN_EMAIL, MailSink, Stack, eventually
from tests.flows.entering import enter_agreement, enter_obligation, status

pytestmark = pytest.mark.flow


def test_a_deadline_is_flagged_mailed_and_met_late(stack: Stack, mail_sink: MailSink) -> None:
    stack.start()
    enter_agreement(stack)
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=6)
    deadline = enter_obligation(stack, "lot-1", due_at)
    assert status(stack, deadline) == "pending"
    assert stack.get("/api/v1/breaches/")["results"] == []

    eventually(lambda: status(stack, deadline) == "unmet", 20)
    flagged_at = datetime.now(UTC)
    eventually(lambda: mail_sink.received, 10, "no mail")

    # Two ticks of a second, and some patience with a busy machine.
    assert due_at <= flagged_at < due_at + timedelta(seconds=5)
    [missed] = mail_sink.received
    assert due_at <= missed.at < due_at + timedelta(seconds=8)
    assert missed.recipients == [ADMIN_EMAIL]
    assert missed.message["Subject"] == "Missed: Deliver lot-1 (China)"
    assert f"/admin/compliance/deadline/{deadline}/change/" in missed.text
    [breach] = stack.get("/api/v1/breaches/")["results"]
    assert breach["deadline"] == deadline
    assert instant(breach["occurred_at"]) == due_at
    assert due_at <= instant(breach["detected_at"]) < due_at + timedelta(seconds=5)
    assert breach["ended_at"] is None

    done_at = datetime.now(UTC)
    fact = {"deadline": deadline, "type": "performance", "at": done_at.isoformat()}
    stack.post("/api/v1/facts/", fact)

    assert status(stack, deadline) == "met_late"
    [breach] = stack.get("/api/v1/breaches/")["results"]
    assert instant(breach["occurred_at"]) == due_at
    assert instant(breach["ended_at"]) == done_at
    assert breach["end_reason"] == "performed"
    eventually(lambda: len(mail_sink.received) == 2, 10, "no mail of the recovery")
    recovered = mail_sink.received[1].message
    assert recovered["Subject"] == "Met late: Deliver lot-1 (China)"
    assert recovered["In-Reply-To"] == missed.message_id


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
