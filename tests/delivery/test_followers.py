"""Those who were told of something hear how it goes on, those who want no more hear nothing, and
nobody hears one thing twice."""

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
    agree,
    correct,
    document,
    duty,
    load,
    record,
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
    return subscriptions.create(draft=read(SubscriptionDraft, {"email": email, **more}))


def tick(as_of: datetime) -> None:
    sweep.run(as_of=as_of)
    silences.end_due(as_of=as_of)
    delivery.deliver(as_of=as_of)


def read_mail() -> list[tuple[str, str]]:
    """Who got what since the last look."""
    found = [(each.to[0], each.subject.partition(":")[0]) for each in mail.outbox]
    mail.outbox.clear()
    return found


def retract(deadline: Deadline, fact: Fact, as_of: datetime) -> None:
    record(deadline, as_of=as_of, type="retraction", supersedes=fact.pk)


def silence(until_at: datetime, as_of: datetime) -> None:
    draft = {"agreement": "supply", "until_at": until_at.isoformat(), "reason": "They move."}
    by = User.objects.create_superuser("lee@example.org", "x")
    silences.create(draft=read(SilenceDraft, draft), by=by, as_of=as_of)


def test_who_was_told_by_an_escalation_hears_that_the_miss_goes_on_after_all() -> None:
    deadline = agree()
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


def test_an_escalation_taken_back_unsent_is_sent_when_the_miss_goes_on() -> None:
    deadline = agree()
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


def test_a_digest_that_is_told_again_waits_for_its_hour() -> None:
    deadline = agree()
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


def test_a_miss_that_was_over_when_it_was_loaded_is_told_when_it_goes_on() -> None:
    follow()
    done = {"type": "performance", "on": "2026-03-17", "recorded_at": "2026-03-17T12:00:00Z"}
    found_at = DUE_AT + 10 * DAY
    deadline = load(document("supply", duty(facts=[done])), as_of=found_at).deadlines.get()
    tick(found_at)
    assert read_mail() == []
    retract(deadline, deadline.facts.get(), found_at + HOUR)
    tick(found_at + HOUR)
    assert read_mail() == [(DESK, "Missed")]


def test_who_wants_changes_alone_hears_of_one_that_ends_a_miss() -> None:
    deadline = agree()
    follow()
    follow(HEAD, kinds=["changed"])
    tick(DUE_AT)
    read_mail()
    due = {"type": "date", "on": "2026-04-20"}
    record(deadline, as_of=DUE_AT + DAY, type="extension", on="2026-03-16", due=due)
    tick(DUE_AT + DAY)
    assert sorted(read_mail()) == [(DESK, "Extended"), (HEAD, "Extended")]


def test_a_waiver_that_was_retracted_before_the_digest_is_not_told() -> None:
    deadline = agree()
    follow(frequency="daily", kinds=["changed"])
    at = utc("2026-03-01T12:00")
    waiver = record(deadline, as_of=at, type="waiver", on="2026-03-01")
    retract(deadline, waiver, at + HOUR)
    tick(at + DAY)
    assert (DESK, "Waived") not in read_mail()


def test_who_was_told_of_a_waiver_or_extension_is_told_that_it_was_retracted() -> None:
    deadline = agree()
    follow(kinds=["changed"])
    at = utc("2026-03-01T12:00")
    due = {"type": "date", "on": "2026-04-20"}
    for number, told in enumerate((("Waived", "Resumed"), ("Extended", "Rescheduled"))):
        then = at + number * DAY
        more = {"type": "extension", "due": due} if number else {"type": "waiver"}
        changed = record(deadline, as_of=then, on="2026-03-01", **more)
        tick(then)
        retract(deadline, changed, then + HOUR)
        tick(then + HOUR)
        assert read_mail() == [(DESK, each) for each in told]


def test_who_wants_misses_alone_does_not_hear_of_their_end() -> None:
    deadline = agree()
    follow(kinds=["missed"])
    tick(DUE_AT)
    record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + DAY)
    assert read_mail() == [(DESK, "Missed")]


@pytest.mark.parametrize(
    "more",
    [{"kinds": ["recovered"]}, {"kinds": ["changed"], "from_escalation": 1}],
)
def test_a_subscription_that_could_never_be_told_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        follow(**more)


def test_who_unsubscribed_gets_neither_what_waits_nor_the_end() -> None:
    deadline = agree()
    follow(frequency="daily")
    follow("second@example.org")
    follow("other@example.org", frequency="daily")
    tick(DUE_AT)
    read_mail()
    for email in (DESK, "second@example.org"):
        subscriptions.end(email=email, agreement_id=deadline.agreement_id, as_of=DUE_AT + HOUR)
    tick(DUE_AT + DAY)
    assert read_mail() == [("other@example.org", "Missed")]
    record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == [("other@example.org", "Met late")]


def test_unsubscribing_stops_a_mail_that_the_server_would_not_take_yet() -> None:
    deadline = agree()
    follow()
    sweep.run(as_of=DUE_AT)
    outbox.form(as_of=DUE_AT, domain="desk.example")
    subscriptions.end(email=DESK, agreement_id=deadline.agreement_id, as_of=DUE_AT)
    tick(DUE_AT + MINUTE)
    assert read_mail() == []
    assert Message.objects.get().state == MessageState.WITHDRAWN


def test_an_address_in_another_case_is_the_same_recipient() -> None:
    agree()
    follow()
    follow(DESK.title(), agreement="supply")
    tick(DUE_AT)
    assert read_mail() == [(DESK, "Missed")]


def test_the_link_in_a_mail_acknowledges_what_that_told_and_no_later_breach() -> None:
    deadline = agree(duty(kind="refrain"))
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


def test_an_acknowledgement_stops_escalations_that_wait_and_its_end_tells_them() -> None:
    agree()
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


def test_the_end_of_a_silence_tells_a_miss_that_it_held_back_once() -> None:
    agree()
    follow()
    until = DUE_AT + 2 * HOUR
    silence(until, DUE_AT - DAY)
    sweep.run(as_of=DUE_AT)
    delivery.deliver(as_of=until + timedelta(seconds=1))
    tick(until + timedelta(seconds=4))
    assert read_mail() == [(DESK, "Still missed")]


def test_a_miss_that_was_told_although_nobody_ended_the_silence_is_told_once() -> None:
    agree()
    follow()
    until = DUE_AT + 2 * HOUR
    silence(until, DUE_AT - DAY)
    sweep.run(as_of=DUE_AT)
    delivery.deliver(as_of=until + timedelta(minutes=1))
    tick(until + timedelta(minutes=2))
    assert read_mail() == [(DESK, "Missed")]


def test_the_end_of_a_silence_is_told_to_whom_an_escalation_had_reached() -> None:
    agree()
    follow(HEAD, from_escalation=1)
    follow("chief@example.org", from_escalation=2)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    assert read_mail() == [(HEAD, "Still missed")]
    silence(DUE_AT + 2 * DAY, DUE_AT + DAY + HOUR)
    tick(DUE_AT + 2 * DAY)
    assert read_mail() == [(HEAD, "Still missed")]


def test_what_is_sent_once_more_by_hand_and_proves_wrong_is_corrected() -> None:
    deadline = agree()
    follow()
    tick(DUE_AT)
    webhooks.redeliver(message=Message.objects.get(), as_of=DUE_AT + HOUR)
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-14")
    tick(DUE_AT + 2 * HOUR)
    assert read_mail() == [(DESK, "Missed"), (DESK, "Not missed after all")]


def test_a_message_that_cannot_be_worked_out_holds_up_no_other() -> None:
    broken = agree()
    agree(ref="other")
    follow()
    sweep.run(as_of=DUE_AT)
    Alert.objects.filter(deadline=broken).update(breach_at=None)
    delivery.deliver(as_of=DUE_AT)
    assert read_mail() == [(DESK, "Missed")]
    held_up = Message.objects.get(state=MessageState.WAITING.value)
    assert "Error" in held_up.attempts.get().answer
    assert held_up.next_attempt_at > DUE_AT


def test_the_audit_takes_nobody_for_forgotten_who_follows_only_now() -> None:
    agree()
    narrow = follow(min_severity="critical")
    away = follow("away@example.org", is_active=False)
    follow("high@example.org", min_severity="high")
    Subscription.objects.update(since=DUE_AT - DAY)
    tick(DUE_AT)
    for each in (narrow, away):
        each.refresh_from_db()
        subscriptions.update(
            subscription=each, draft=read(SubscriptionDraft, {"email": each.email})
        )
    correct(duty(severity="high"), as_of=DUE_AT + HOUR)
    assert audit(as_of=DUE_AT + 2 * HOUR).problems == []


def test_the_audit_minds_no_message_whose_alerts_are_told_again() -> None:
    deadline = agree()
    follow()
    tick(DUE_AT)
    done = record(deadline, as_of=DUE_AT + DAY, type="performance", on="2026-03-16")
    tick(DUE_AT + DAY)
    retract(deadline, done, DUE_AT + DAY + HOUR)
    tick(DUE_AT + DAY + HOUR)
    assert audit(as_of=DUE_AT + DAY + 2 * HOUR).problems == []


@pytest.fixture
def nowhere(settings: Any) -> Any:
    """A webhook at which nobody listens, that follows everything."""
    settings.WEBHOOKS_MAY_BE_PRIVATE = True
    draft = {"name": "Desk tools", "url": "http://127.0.0.1:9/hook"}
    webhook = webhooks.create(draft=read(WebhookDraft, draft), as_of=DUE_AT - DAY)
    follow(None, webhook=webhook.pk)
    return webhook


def test_administrators_hear_once_of_a_webhook_that_was_given_up(nowhere: Any) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    for ref in ("supply", "other"):
        agree(ref=ref)
    tick(DUE_AT)
    for hours in range(24 * 4):
        delivery.call_webhooks(as_of=DUE_AT + hours * HOUR)
    assert set(Message.objects.values_list("state", flat=True)) == {MessageState.GIVEN_UP}
    assert [each.subject for each in mail.outbox] == [
        "Pacta: webhook Desk tools does not accept messages"
    ]
    assert Subscription.objects.get().refused_at is not None


def test_a_webhook_that_fails_is_tried_once_a_run(nowhere: Any) -> None:
    for number in range(5):
        agree(ref=f"supply-{number}")
    tick(DUE_AT)
    assert delivery.call_webhooks(as_of=DUE_AT).deferred == 1
    waiting = Message.objects.filter(state=MessageState.WAITING.value)
    assert sorted(waiting.values_list("attempt_count", flat=True)) == [0, 0, 0, 0, 1]


def test_nothing_is_made_for_a_webhook_that_is_switched_off(nowhere: Any) -> None:
    agree()
    draft = {"name": nowhere.name, "url": nowhere.url, "is_active": False}
    webhooks.update(webhook=nowhere, draft=read(WebhookDraft, draft))
    Subscription.objects.update(since=DUE_AT - DAY)
    tick(DUE_AT)
    assert not Alert.objects.exists()
    assert audit(as_of=DUE_AT + HOUR).problems == []


# Through all of the times at which these tests announce anything.
QUIET = {"quiet_from": "15:00", "quiet_until": "23:00"}
OTHERS: list[dict[str, Any]] = [
    {"tag": "steel"},
    {"min_severity": "critical"},
    {"is_owner": True},
    {"from_escalation": 1},
    {"agreement": "other"},
    {"party": "LATER"},
    {"kinds": ["reminder"], "tag": "goods"},
]


@pytest.mark.parametrize("other", OTHERS)
def test_the_end_of_a_breach_comes_as_soon_as_the_breach_did(other: dict[str, Any]) -> None:
    deadline = agree(duty(tags=["goods"]))
    agree(ref="other", parties=[BUYER, SUPPLIER, LATER])
    follow(agreement="supply")
    follow(**other, **QUIET)
    tick(DUE_AT)
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + HOUR)
    assert read_mail() == [(DESK, "Missed"), (DESK, "Met late")]


@pytest.mark.parametrize("other", OTHERS)
def test_a_breach_that_goes_on_after_all_is_announced_as_soon_as_it_was(
    other: dict[str, Any],
) -> None:
    deadline = agree(duty(tags=["goods"]))
    agree(ref="other", parties=[BUYER, SUPPLIER, LATER])
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
def test_the_end_of_a_silence_releases_alerts_as_soon_as_they_would_have_come(
    other: dict[str, Any],
) -> None:
    agree(duty(tags=["goods"]))
    agree(ref="other", parties=[BUYER, SUPPLIER, LATER])
    follow(agreement="supply")
    follow(**other, **QUIET)
    silence(DUE_AT + HOUR, DUE_AT - DAY)
    tick(DUE_AT)
    tick(DUE_AT + HOUR)
    assert not Alert.objects.unassigned().filter(agreement__ref="supply").exists()
    assert read_mail() == [(DESK, "Still missed")]


def test_the_end_of_a_breach_waits_for_the_digest_in_which_the_breach_is_announced() -> None:
    deadline = agree(duty(tags=["goods"]))
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


def test_the_end_of_a_breach_reaches_those_whom_only_an_escalation_reached_at_their_hours() -> None:
    deadline = agree()
    follow(HEAD, from_escalation=1)
    follow(HEAD, tag="steel", **QUIET)
    tick(DUE_AT)
    tick(DUE_AT + DAY)
    record(deadline, as_of=DUE_AT + DAY + HOUR, type="performance", on="2026-03-17")
    tick(DUE_AT + DAY + HOUR)
    assert read_mail() == [(HEAD, "Still missed"), (HEAD, "Met late")]


def test_whoever_heard_of_a_breach_hears_of_its_end_although_the_duty_was_corrected() -> None:
    deadline = agree(duty(tags=["goods"], severity="high"))
    follow(tag="goods")
    follow(HEAD, min_severity="high")
    tick(DUE_AT)
    correct(duty(tags=["steel"], severity="low"), as_of=DUE_AT + HOUR)
    record(deadline, as_of=DUE_AT + 2 * HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + 2 * HOUR)
    assert sorted(read_mail()) == [
        (DESK, "Met late"), (DESK, "Missed"), (HEAD, "Met late"), (HEAD, "Missed"),
    ]  # fmt: skip
    assert audit(as_of=DUE_AT + DAY).problems == []


def test_an_end_never_overtakes_the_breach_that_waits_for_a_digest() -> None:
    deadline = agree()
    follow(frequency="daily")
    tick(DUE_AT)
    follow(agreement="supply")
    record(deadline, as_of=DUE_AT + HOUR, type="performance", on="2026-03-16")
    tick(DUE_AT + HOUR)
    assert read_mail() == []
    tick(DUE_AT + DAY)
    assert [who for who, _ in read_mail()] == [DESK]
