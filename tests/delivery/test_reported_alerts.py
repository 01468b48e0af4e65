"""An email says what is true when it is sent, not what was true when its alerts were created."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from compliance.delivery import DeliveryReport, outbox
from compliance.domain.vocabulary import AlertKind, MessageState
from compliance.models import Alert, Message
from tests.delivery.conftest import DUE, NOW, Desk, Sink

HOUR = timedelta(hours=1)


def test_a_breach_voided_before_delivery_is_not_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.sweep()
    desk.record(deadline, DUE + HOUR, type="performance", at=NOW.isoformat())
    assert desk.deliver(DUE + HOUR) == DeliveryReport()
    assert sink.received == []


def test_a_waiver_that_voids_an_unannounced_breach_is_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.sweep()
    desk.record(deadline, DUE + HOUR, type="waiver", at=NOW.isoformat())
    desk.deliver(DUE + HOUR)
    assert sink.subjects == ["Waived: Deliver (China)"]


def test_a_formed_message_about_a_voided_breach_is_withdrawn(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.sweep()
    assert outbox.form(as_of=DUE, domain="desk.example") == 1
    desk.record(deadline, DUE + HOUR, type="performance", at=NOW.isoformat())

    desk.deliver(DUE + HOUR)

    assert sink.received == []
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.WITHDRAWN}
    assert not Alert.objects.filter(withdrawn_at__isnull=True).exists()


def test_a_retried_message_omits_alerts_that_are_no_longer_true(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    wrong, _right = (desk.deadline(agreement, title=title) for title in ("Wrong", "Right"))
    desk.sweep()
    sink.answers = lambda number: "451 Later" if number == 1 else "250 OK"
    assert desk.deliver().deferred == 1
    desk.record(wrong, DUE + HOUR, type="waiver", at=NOW.isoformat())

    assert desk.deliver(DUE + HOUR).sent == 2

    assert sink.subjects[0] == "2 missed: Supply agreement"
    assert sink.subjects[1:] == [
        "Missed: Right (China)",
        # The first attempt was refused, but a refusal is not proof that nobody read it.
        "Not missed after all: Wrong (China)",
    ]


def test_recipients_of_a_breach_are_notified_when_it_is_voided(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    desk.record(deadline, DUE + HOUR, type="waiver", at=NOW.isoformat())

    assert desk.deliver(DUE + HOUR).sent == 1

    missed, after_all = sink.received
    assert after_all["Subject"] == "Not missed after all: Deliver (China)"
    assert after_all["In-Reply-To"] == missed["Message-ID"]
    thread = f"<deadline-{deadline.pk}@desk.example>"
    assert missed["References"] == thread
    assert after_all["References"].split() == [thread, missed["Message-ID"]]


def test_a_late_performance_is_announced_in_the_thread_of_the_breach(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    done_at = DUE + 26 * HOUR
    desk.record(deadline, done_at, type="performance", at=done_at.isoformat())

    assert desk.deliver(done_at).sent == 1

    missed, met = sink.received
    assert met["Subject"] == "Met late: Deliver (China)"
    assert met["In-Reply-To"] == missed["Message-ID"]
    body = met.get_body(("plain",))
    assert body is not None
    assert "It was done on Tuesday, 3 March 2026, 14:00 UTC, 1 day 2 hours late." in (
        body.get_content()
    )


def test_a_retried_alert_about_a_breach_that_has_ended_says_so(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    sink.answers = lambda number: "451 Later" if number == 1 else "250 OK"
    desk.pass_to(DUE)
    done_at = DUE + HOUR
    desk.record(deadline, done_at, type="performance", at=done_at.isoformat())
    desk.deliver(done_at)
    assert "Missed, then met late: Deliver (China)" in sink.subjects


def test_a_breach_that_ended_before_delivery_is_announced_once_as_met_late(
    desk: Desk, sink: Sink
) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.sweep()
    done_at = DUE + HOUR
    desk.record(deadline, done_at, type="performance", at=done_at.isoformat())
    assert desk.deliver(done_at).sent == 1
    assert sink.subjects == ["Met late: Deliver (China)"]


def test_waivers_extensions_and_cancellations_are_announced_by_name(desk: Desk, sink: Sink) -> None:
    desk.follow()
    agreement = desk.agreement()
    facts: dict[str, dict[str, Any]] = {
        "Waived": {"type": "waiver"},
        "Cancelled": {"type": "cancellation"},
        "Extended": {"type": "extension", "due": {"type": "date", "on": "2026-04-01"}},
    }
    deadlines = {word: desk.deadline(agreement, title=f"Lot {word}") for word in facts}
    desk.pass_to(DUE)
    for word, fact in facts.items():
        desk.record(deadlines[word], DUE + HOUR, at=(DUE + HOUR).isoformat(), **fact)
        assert desk.deliver(DUE + HOUR).sent == 1
        assert sink.subjects[-1] == f"{word}: Lot {word} (China)"


def test_a_recovery_retracted_before_delivery_is_not_announced(desk: Desk, sink: Sink) -> None:
    desk.follow()
    deadline = desk.deadline(desk.agreement())
    desk.pass_to(DUE)
    done = desk.record(deadline, DUE + HOUR, type="performance", at=(DUE + HOUR).isoformat())
    desk.record(deadline, DUE + HOUR, type="retraction", supersedes=done.pk)

    assert desk.deliver(DUE + 2 * HOUR).sent == 0

    assert sink.subjects == ["Missed: Deliver (China)"]
    assert Alert.objects.get().kind == AlertKind.MISSED


@pytest.mark.parametrize("column", ["agreement_id", "deadline_id"])
def test_the_database_refuses_an_alert_about_a_deadline_of_another_agreement(
    desk: Desk, column: str
) -> None:
    desk.follow()
    desk.deadline(desk.agreement("first"))
    other = desk.deadline(desk.agreement("second"), due_at=DUE + timedelta(days=90))
    desk.sweep()
    elsewhere = {"agreement_id": other.agreement_id, "deadline_id": other.pk}[column]
    Alert.objects.update(**{column: elsewhere})
    with pytest.raises(IntegrityError, match="alert_same_agreement"):
        connection.check_constraints()
