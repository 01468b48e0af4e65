"""Each channel gets a limited number of messages per minute; the others wait for the next."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from compliance.delivery import deliver, notify_approvers, outbox
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.models import (
    Agreement,
    Message,
    ProposalNotification,
    Subscription,
    User,
    Webhook,
)
from compliance.operations.agreements import proposals
from tests.delivery.conftest import DUE, NOW, Desk, Sink

SECOND = timedelta(seconds=1)


def test_emails_per_minute_are_limited_and_none_is_lost(
    desk: Desk, sink: Sink, settings: Any
) -> None:
    settings.MAILS_PER_MINUTE = 2
    desk.follow()
    for number in range(5):
        desk.deadline(desk.agreement(f"a-{number}"))
    assert desk.pass_to(DUE).sent == 2
    assert desk.deliver(DUE + 59 * SECOND).sent == 0
    assert desk.deliver(DUE + 65 * SECOND).sent == 2
    assert desk.deliver(DUE + 130 * SECOND).sent == 1
    assert len({mail["Message-ID"] for mail in sink.received}) == 5


def test_emails_about_proposals_count_too(desk: Desk, sink: Sink, settings: Any) -> None:
    settings.MAILS_PER_MINUTE = 3
    deadline = desk.deadline(desk.agreement())
    desk.follow()
    Agreement.objects.update(requires_approval=True)
    deadline.refresh_from_db()
    names = ("ana", "bo", "eva", "ida", "jan")
    users = [User.objects.create_superuser(f"{each}@example.org", "secret") for each in names]
    waiver = read(FactDraft, {"type": "waiver", "on": "2026-03-02", "note": "Given up"})
    proposals.submit(deadline=deadline, draft=waiver, by=users[0], as_of=NOW, is_confirmed=True)
    assert ProposalNotification.objects.count() == 4
    assert notify_approvers(as_of=DUE) == 3
    assert desk.pass_to(DUE + 5 * SECOND).sent == 0
    assert notify_approvers(as_of=DUE + 59 * SECOND) == 0
    assert notify_approvers(as_of=DUE + 65 * SECOND) == 1
    assert desk.deliver(DUE + 70 * SECOND).sent == 1


@pytest.mark.parametrize("attempts", [4, 5, 20])
def test_deferred_emails_about_proposals_do_not_hold_up_alerts(
    desk: Desk, sink: Sink, settings: Any, attempts: int
) -> None:
    settings.MAILS_PER_MINUTE = 2
    deadline = desk.deadline(desk.agreement())
    desk.follow()
    Agreement.objects.update(requires_approval=True)
    deadline.refresh_from_db()
    full = [User.objects.create_superuser(f"full{each}@example.org", "secret") for each in range(3)]
    waiver = read(FactDraft, {"type": "waiver", "on": "2026-03-02", "note": "Given up"})
    proposals.submit(deadline=deadline, draft=waiver, by=full[0], as_of=NOW, is_confirmed=True)
    # Each was deferred so often that its next attempt is an hour or six hours away.
    ProposalNotification.objects.update(attempt_count=attempts - 1)
    sink.recipient_answers = lambda to: "452 4.2.2 Full" if to.startswith("full") else "250 OK"
    assert notify_approvers(as_of=DUE) == 0
    waiting = ProposalNotification.objects.filter(next_attempt_at__gte=DUE + 3600 * SECOND)
    assert waiting.count() == 2
    assert desk.pass_to(DUE + 5 * SECOND).sent == 1


def test_a_webhook_at_its_limit_does_not_delay_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_CLAIMED", 3)
    made = [desk.agreement(f"a-{number}") for number in range(5)]
    for agreement in made:
        desk.deadline(agreement)
    busy, idle = (
        Webhook.objects.create(name=name, url="https://example.org", created_at=NOW)
        for name in ("busy", "idle")
    )
    Subscription.objects.create(webhook=busy)
    Subscription.objects.create(webhook=idle, agreement=made[-1])
    desk.pass_to(DUE)

    def claimed(now: datetime) -> list[str]:
        claims, _ = outbox.claim(as_of=now, now=now, is_mail=False, per_minute=2)
        ids = [each.message_id for each in claims]
        Message.objects.filter(pk__in=ids).update(state="sent")
        names = Message.objects.filter(pk__in=ids).values_list("webhook__name", flat=True)
        return [str(name) for name in names]

    assert claimed(DUE) == ["busy", "busy"]
    assert claimed(DUE) == ["idle"]
    assert claimed(DUE + 59 * SECOND) == []
    assert claimed(DUE + 61 * SECOND) == ["busy", "busy"]
    assert claimed(DUE + 122 * SECOND) == ["busy"]


@pytest.mark.django_db(transaction=True)
def test_several_workers_share_the_limit(sink: Sink, settings: Any) -> None:
    settings.MAILS_PER_MINUTE = 7
    desk = Desk()
    desk.follow()
    for number in range(20):
        desk.deadline(desk.agreement(f"a-{number}"))
    desk.sweep()
    assert outbox.form(as_of=DUE, domain="desk.example") == 20

    def work(second: int) -> int:
        try:
            return deliver(as_of=DUE + second * SECOND).sent
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        sent = list(pool.map(work, range(8)))
    assert sum(sent) == len(sink.received) == 7
