"""Recipients of an alert get its follow-up, others do not, and nobody gets an alert twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from compliance import delivery
from compliance.delivery import outbox
from compliance.domain.alerts.drafts import (
    AcknowledgementDraft,
    SilenceDraft,
    SubscriptionDraft,
    WebhookDraft,
)
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.domain.vocabulary import MessageState
from compliance.models import Alert, Breach, Deadline, Fact, Message, Subscription, User
from compliance.operations.alerts import silences, subscriptions, webhooks
from compliance.operations.deadlines import breaches, sweep
from compliance.queries.system.audit import audit
from tests.samples import (
    BUYER,
    DESK,
    SUPPLIER,
    create_agreement,
    document,
    load,
    obligation,
    record,
    update_obligation,
    utc,
)

pytestmark = pytest.mark.django_db

DUE_AT = utc("2026-03-15T16:00")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
HEAD = "head@example.org"
LATER = {**BUYER, "code": "LATER", "name": "Later Ltd"}


@pytest.fixture(autouse=True)
def mailbox(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def follow(email: str | None = DESK, **more: Any) -> Subscription:
    return subscriptions.create(draft=read(SubscriptionDraft, {"email": email, **more}), by=None)


def tick(as_of: datetime) -> None:
    sweep.run(as_of=as_of)
    silences.end_due(as_of=as_of)
    delivery.deliver(as_of=as_of)


def read_mail() -> list[tuple[str, str]]:
    """Return the recipient and the kind of each email sent since the last call."""
    found = [(each.to[0], each.subject.partition(":")[0]) for each in mail.outbox]
    mail.outbox.clear()
    return found


def retract(deadline: Deadline, fact: Fact, as_of: datetime) -> None:
    record(deadline, as_of=as_of, type="retraction", supersedes=fact.pk)


def silence(until_at: datetime, as_of: datetime) -> None:
    draft = {"agreement": "supply", "until_at": until_at.isoformat(), "reason": "They move."}
    by = User.objects.create_superuser("lee@example.org", "x")
    silences.create(draft=read(SilenceDraft, draft), by=by, as_of=as_of)


def test_recipients_of_an_escalation_are_notified_when_the_breach_resumes() -> None:
    deadline = create_agreement()
    follow()
    follow(HEAD, from_escalation=1)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    done = record(deadline, as_of=DUE_AT + 2 * DAY, type="performance", on="2026-03-17")
    tick(DUE_AT + 2 * DAY)
    read_mail()
    retract(deadline, done, DUE_AT + 3 * DAY)
    tick(DUE_AT + 3 * DAY)
    assert sorted(read_mail()) == [(DESK, "Still missed"), (HEAD, "Still missed")]


def test_an_escalation_withdrawn_before_delivery_is_sent_when_the_breach_resumes() -> None:
    deadline = create_agreement()
    follow(HEAD, from_escalation=1)
    tick(DUE_AT)
    sweep.run(as_of=DUE_AT + DAY)
    outbox.form(as_of=DUE_AT + DAY, domain="desk.example")
    done = record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + DAY + HOUR)
    assert read_mail() == []
    retract(deadline, done, DUE_AT + DAY + 2 * HOUR)
    tick(DUE_AT + DAY + 2 * HOUR)
    assert read_mail() == [(HEAD, "Still missed")]


def end_subscriptions(email: str, as_of: datetime) -> None:
    ids = list(Subscription.objects.filter(email=email).values_list("id", flat=True))
    subscriptions.end(email=email, subscription_ids=ids, as_of=as_of)


def test_an_alert_repeated_in_a_digest_waits_for_its_hour() -> None:
    deadline = create_agreement()
    follow(frequency="daily", digest_hour=8)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    done = record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * DAY)
    read_mail()
    retract(deadline, done, DUE_AT + 2 * DAY)
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == []
    tick(utc("2026-03-18T08:00"))
    assert [who for who, _ in read_mail()] == [DESK]


def test_a_past_breach_from_a_document_is_announced_when_it_resumes() -> None:
    follow()
    done = {"type": "performance", "on": "2026-03-17", "recorded_at": "2026-03-17T12:00:00Z"}
    found_at = DUE_AT + 10 * DAY
    deadline = load(document("supply", obligation(facts=[done])), as_of=found_at).deadlines.get()
    tick(found_at)
    assert read_mail() == []
    retract(deadline, deadline.facts.get(), found_at + HOUR)
    tick(found_at + 2 * HOUR)
    assert read_mail() == [(DESK, "Open again")]


def test_a_subscription_to_changes_reports_a_change_that_ends_a_breach() -> None:
    deadline = create_agreement()
    follow()
    follow(HEAD, kinds=["changed"])
    tick(DUE_AT)
    read_mail()
    due = {"type": "date", "on": "2026-04-20"}
    record(deadline, as_of=DUE_AT + DAY, type="extension", on="2026-03-16", due=due)
    tick(DUE_AT + DAY)
    assert sorted(read_mail()) == [(DESK, "Extended"), (HEAD, "Extended")]


def test_a_waiver_retracted_before_the_digest_is_not_announced() -> None:
    deadline = create_agreement()
    follow(frequency="daily", kinds=["changed"])
    at = utc("2026-03-01T12:00")
    waiver = record(deadline, as_of=at, type="waiver", on="2026-03-01")
    retract(deadline, waiver, at + HOUR)
    tick(at + DAY)
    assert (DESK, "Waived") not in read_mail()


def test_retracting_an_announced_waiver_or_extension_is_announced() -> None:
    deadline = create_agreement()
    follow(kinds=["changed"])
    at = utc("2026-03-01T12:00")
    due = {"type": "date", "on": "2026-04-20"}
    for number, subjects in enumerate((("Waived", "Resumed"), ("Extended", "Rescheduled"))):
        then = at + number * DAY
        more = {"type": "extension", "due": due} if number else {"type": "waiver"}
        changed = record(deadline, as_of=then, on="2026-03-01", **more)
        tick(then)
        retract(deadline, changed, then + HOUR)
        tick(then + HOUR)
        assert read_mail() == [(DESK, each) for each in subjects]


def test_a_subscription_to_breaches_does_not_report_their_end() -> None:
    deadline = create_agreement()
    follow(kinds=["missed"])
    tick(DUE_AT)
    record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + DAY)
    assert read_mail() == [(DESK, "Missed")]


@pytest.mark.parametrize(
    "more",
    [{"kinds": ["recovered"]}, {"kinds": ["changed"], "from_escalation": 1}],
)
def test_a_subscription_that_could_never_receive_an_alert_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        follow(**more)


def test_unsubscribing_stops_waiting_alerts_and_later_recoveries() -> None:
    deadline = create_agreement()
    follow(frequency="daily")
    follow("second@example.org")
    follow("other@example.org", frequency="daily")
    tick(DUE_AT)
    read_mail()
    for email in (DESK, "second@example.org"):
        end_subscriptions(email, DUE_AT + HOUR)
    tick(DUE_AT + DAY)
    assert read_mail() == [("other@example.org", "Missed")]
    record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == [("other@example.org", "Met late")]


def test_unsubscribing_withdraws_a_message_already_formed() -> None:
    create_agreement()
    follow()
    sweep.run(as_of=DUE_AT)
    outbox.form(as_of=DUE_AT, domain="desk.example")
    end_subscriptions(DESK, DUE_AT)
    tick(DUE_AT + MINUTE)
    assert read_mail() == []
    assert Message.objects.get().state == MessageState.WITHDRAWN


def test_an_address_in_another_case_is_the_same_recipient() -> None:
    create_agreement()
    follow()
    follow(DESK.title(), agreement="supply")
    tick(DUE_AT)
    assert read_mail() == [(DESK, "Missed")]


def test_the_link_in_an_email_acknowledges_its_breaches_and_no_later_ones() -> None:
    deadline = create_agreement(obligation(kind="refrain"))
    follow()
    first, second = utc("2026-02-10T00:00"), utc("2026-02-20T00:00")
    record(deadline, as_of=first, type="violation", on="2026-02-05", until="2026-02-07")
    tick(first)
    old = Message.objects.get()
    record(deadline, as_of=second, type="violation", on="2026-02-19")
    tick(second)
    by_mail: dict[str, Any] = {"deadline_id": deadline.pk, "as_of": second + HOUR}
    assert breaches.acknowledge_by_mail(message_id=old.pk, **by_mail) == []
    new = Message.objects.exclude(pk=old.pk).get()
    assert len(breaches.acknowledge_by_mail(message_id=new.pk, **by_mail)) == 1


def test_an_acknowledgement_holds_back_waiting_escalations_until_it_ends() -> None:
    create_agreement()
    quiet = {"quiet_from": "15:00", "quiet_until": "18:00"}
    follow(HEAD, from_escalation=1, **quiet)
    tick(DUE_AT)
    escalated_at = DUE_AT + DAY
    sweep.run(as_of=escalated_at)
    breaches.acknowledge(
        breach=Breach.objects.get(),
        draft=read(AcknowledgementDraft, {"until_at": (DUE_AT + 3 * DAY).isoformat()}),
        by=User.objects.create_superuser("lee@example.org", "x"),
        as_of=escalated_at + MINUTE,
    )
    tick(escalated_at + 3 * HOUR)
    assert read_mail() == []
    tick(DUE_AT + 3 * DAY)
    tick(DUE_AT + 3 * DAY + 3 * HOUR)
    assert read_mail() == [(HEAD, "Still missed")]


def test_the_end_of_a_silence_announces_a_breach_it_held_back_once() -> None:
    create_agreement()
    follow()
    until = DUE_AT + 2 * HOUR
    silence(until, DUE_AT - DAY)
    sweep.run(as_of=DUE_AT)
    delivery.deliver(as_of=until + timedelta(seconds=1))
    tick(until + timedelta(seconds=4))
    assert read_mail() == [(DESK, "Still missed")]


def test_a_breach_announced_before_its_expired_silence_was_ended_is_announced_once() -> None:
    create_agreement()
    follow()
    until = DUE_AT + 2 * HOUR
    silence(until, DUE_AT - DAY)
    sweep.run(as_of=DUE_AT)
    delivery.deliver(as_of=until + timedelta(minutes=1))
    tick(until + timedelta(minutes=2))
    assert read_mail() == [(DESK, "Missed")]


def test_the_end_of_a_silence_notifies_recipients_of_an_escalation() -> None:
    create_agreement()
    follow(HEAD, from_escalation=1)
    follow("chief@example.org", from_escalation=2)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    assert read_mail() == [(HEAD, "Still missed")]
    silence(DUE_AT + 2 * DAY, DUE_AT + DAY + HOUR)
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == [(HEAD, "Still missed")]


def test_a_redelivered_alert_that_proves_wrong_is_corrected() -> None:
    deadline = create_agreement()
    follow()
    tick(DUE_AT)
    webhooks.redeliver(message=Message.objects.get(), as_of=DUE_AT + HOUR)
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-14")
    tick(DUE_AT + 2 * HOUR)
    assert read_mail() == [(DESK, "Missed"), (DESK, "Not missed after all")]


def test_a_message_that_cannot_be_composed_does_not_delay_others() -> None:
    broken = create_agreement()
    create_agreement(ref="other")
    follow()
    sweep.run(as_of=DUE_AT)
    Alert.objects.filter(deadline=broken).update(breach_at=None)
    delivery.deliver(as_of=DUE_AT)
    assert read_mail() == [(DESK, "Missed")]
    held_up = Message.objects.get(state=MessageState.WAITING.value)
    assert "Error" in held_up.attempts.get().answer
    assert held_up.next_attempt_at > DUE_AT


def test_the_audit_expects_no_alerts_for_subscriptions_that_match_only_now() -> None:
    create_agreement()
    narrow = follow(min_severity="critical")
    away = follow("away@example.org", is_active=False)
    follow("high@example.org", min_severity="high")
    Subscription.objects.update(since=DUE_AT - DAY)
    tick(DUE_AT)
    for each in (narrow, away):
        each.refresh_from_db()
        subscriptions.update(
            subscription=each, draft=read(SubscriptionDraft, {"email": each.email}), by=None
        )
    update_obligation(obligation(severity="high"), as_of=DUE_AT + HOUR)
    assert audit(as_of=DUE_AT + 2 * HOUR).problems == []


def test_the_audit_accepts_a_message_whose_alerts_were_sent_again() -> None:
    deadline = create_agreement()
    follow()
    tick(DUE_AT)
    done = record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + DAY)
    retract(deadline, done, DUE_AT + DAY + HOUR)
    tick(DUE_AT + DAY + HOUR)
    assert audit(as_of=DUE_AT + DAY + 2 * HOUR).problems == []


@pytest.fixture
def unreachable(settings: Any) -> Any:
    """A webhook that nobody listens to and that follows everything."""
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    draft = {"name": "Desk tools", "url": "http://127.0.0.1:9/hook"}
    webhook = webhooks.create(draft=read(WebhookDraft, draft), by=None, as_of=DUE_AT - DAY)
    follow(None, webhook=webhook.pk)
    return webhook


def test_administrators_are_notified_once_of_a_failing_webhook(unreachable: Any) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    for ref in ("supply", "other"):
        create_agreement(ref=ref)
    tick(DUE_AT)
    for hours in range(24 * 4):
        delivery.call_webhooks(as_of=DUE_AT + hours * HOUR)
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.FAILED}
    assert [each.subject for each in mail.outbox] == [
        "Pacta: webhook Desk tools does not accept messages"
    ]
    assert Subscription.objects.get().refused_at is not None


def test_a_failing_webhook_is_tried_once_per_run(unreachable: Any) -> None:
    for number in range(5):
        create_agreement(ref=f"supply-{number}")
    tick(DUE_AT)
    assert delivery.call_webhooks(as_of=DUE_AT).deferred == 1
    waiting = Message.objects.filter(state=MessageState.WAITING.value)
    assert sorted(waiting.values_list("attempt_count", flat=True)) == [0, 0, 0, 0, 1]


def test_no_alerts_are_created_for_an_inactive_webhook(unreachable: Any) -> None:
    create_agreement()
    draft = {"name": unreachable.name, "url": unreachable.url, "is_active": False}
    webhooks.update(webhook=unreachable, draft=read(WebhookDraft, draft), by=None)
    Subscription.objects.update(since=DUE_AT - DAY)
    tick(DUE_AT)
    assert not Alert.objects.exists()
    assert audit(as_of=DUE_AT + HOUR).problems == []


# Covers all times at which these tests announce anything.
QUIET = {"quiet_from": "15:00", "quiet_until": "23:00"}
OTHERS: list[dict[str, Any]] = [
    {"tag": "steel"},
    {"min_severity": "critical"},
    {"responsible": "me"},
    {"from_escalation": 1},
    {"agreement": "other"},
    {"party": "LATER"},
    {"kinds": ["reminder"], "tag": "goods"},
]


@pytest.mark.parametrize("other", OTHERS)
def test_the_end_of_a_breach_is_announced_as_promptly_as_the_breach(other: dict[str, Any]) -> None:
    deadline = create_agreement(obligation(tags=["goods"]))
    create_agreement(ref="other", parties=[BUYER, SUPPLIER, LATER])
    follow(agreement="supply")
    follow(**other, **QUIET)
    tick(DUE_AT)
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + HOUR)
    assert read_mail() == [(DESK, "Missed"), (DESK, "Met late")]


@pytest.mark.parametrize("other", OTHERS)
def test_a_resumed_breach_is_announced_as_promptly_as_before(
    other: dict[str, Any],
) -> None:
    deadline = create_agreement(obligation(tags=["goods"]))
    create_agreement(ref="other", parties=[BUYER, SUPPLIER, LATER])
    follow(agreement="supply")
    follow(**other, **QUIET)
    tick(DUE_AT)
    done = record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + HOUR)
    read_mail()
    retract(deadline, done, DUE_AT + 2 * HOUR)
    tick(DUE_AT + 2 * HOUR)
    assert read_mail() == [(DESK, "Missed")]


@pytest.mark.parametrize("other", OTHERS)
def test_the_end_of_a_silence_releases_alerts_as_promptly_as_without_it(
    other: dict[str, Any],
) -> None:
    create_agreement(obligation(tags=["goods"]))
    create_agreement(ref="other", parties=[BUYER, SUPPLIER, LATER])
    follow(agreement="supply")
    follow(**other, **QUIET)
    silence(DUE_AT + HOUR, DUE_AT - DAY)
    tick(DUE_AT)
    tick(DUE_AT + HOUR)
    assert not Alert.objects.unassigned().filter(agreement__ref="supply").exists()
    assert read_mail() == [(DESK, "Still missed")]


def test_the_end_of_a_breach_waits_for_the_digest_that_announces_the_breach() -> None:
    deadline = create_agreement(obligation(tags=["goods"]))
    follow(frequency="weekly", digest_weekday=4, tag="goods")
    follow(frequency="daily", tag="steel")
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    assert read_mail() == []
    record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == []
    tick(utc("2026-03-20T08:00"))
    assert [who for who, _ in read_mail()] == [DESK]


def test_recipients_of_only_an_escalation_learn_of_the_end_at_their_hours() -> None:
    deadline = create_agreement()
    follow(HEAD, from_escalation=1)
    follow(HEAD, tag="steel", **QUIET)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    record(deadline, as_of=DUE_AT + DAY + HOUR, type="performance", on="2026-03-17")
    tick(DUE_AT + DAY + HOUR)
    assert read_mail() == [(HEAD, "Still missed"), (HEAD, "Met late")]


def test_recipients_of_a_breach_learn_of_its_end_after_a_correction_of_the_obligation() -> None:
    deadline = create_agreement(obligation(tags=["goods"], severity="high"))
    follow(tag="goods")
    follow(HEAD, min_severity="high")
    tick(DUE_AT)
    update_obligation(obligation(tags=["steel"], severity="low"), as_of=DUE_AT + HOUR)
    record(deadline, as_of=DUE_AT + 2 * HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * HOUR)
    assert sorted(read_mail()) == [
        (DESK, "Met late"), (DESK, "Missed"), (HEAD, "Met late"), (HEAD, "Missed"),
    ]  # fmt: skip
    assert audit(as_of=DUE_AT + DAY).problems == []


def test_the_end_of_a_breach_is_never_announced_before_the_breach() -> None:
    deadline = create_agreement()
    follow(frequency="daily")
    tick(DUE_AT)
    follow(agreement="supply")
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + HOUR)
    assert read_mail() == []
    tick(DUE_AT + DAY)
    assert [who for who, _ in read_mail()] == [DESK]
