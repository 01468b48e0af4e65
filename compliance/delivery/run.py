"""One run of delivery: form messages, then claim, send and record, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.conf import settings
from django.db import Error

from compliance.delivery import chats, contents, letters, outbox, payloads, refusals, webhooks
from compliance.delivery.carrier import Answer, Carrier
from compliance.delivery.contents import Contents
from compliance.delivery.outbox import Claim
from compliance.domain.vocabulary import AttemptOutcome, WebhookKind
from compliance.models import Webhook

log = structlog.get_logger(__name__)

# How long after the first, second, ... attempt the next one follows; the last goes on for ever.
BACK_OFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
# About five days in all, as mail servers do. What the server itself gave cause for does not count.
MOST_ATTEMPTS = 24
# A server that is down is no fault of the message: it is to go out soon after the server is back.
LONGEST_WAIT_FOR_SERVER = timedelta(minutes=2)
# Receivers that are slow must not keep the worker from its other work for longer. What is left
# goes behind what others wait for.
WEBHOOKS_SECONDS = 60.0


@dataclass(kw_only=True, slots=True)
class DeliveryReport:
    """What a run did: messages formed, and how those that it took up ended."""

    formed: int = 0
    sent: int = 0
    deferred: int = 0
    refused: int = 0
    withdrawn: int = 0


class _Clock:
    """Instants that go on from `as_of`, so that a run has one notion of now."""

    def __init__(self, as_of: datetime) -> None:
        self._as_of = as_of
        self._begun = time.monotonic()

    def __call__(self) -> datetime:
        return self._as_of + timedelta(seconds=time.monotonic() - self._begun)


class _Channel(Protocol):
    """A way to reach recipients.

    `resting` are those that failed in this run, whose other messages are left to the next one.
    """

    is_mail: bool
    # How many messages it may be given in a minute; 0 for any number.
    per_minute: int
    resting: set[str]

    def send(self, held: Claim, told: Contents, *, now: datetime) -> Answer:
        """Try once. Raises nothing that the other side gives cause for."""

    def again_after(self, held: Claim, answer: Answer) -> timedelta | None:
        """How long after a deferral the next attempt follows; None to give up."""


class _Mail:
    """One connection to the mail server."""

    is_mail = True

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self.per_minute: int = settings.MAILS_PER_MINUTE
        self.resting: set[str] = set()

    def send(self, held: Claim, told: Contents, *, now: datetime) -> Answer:
        return self._carrier.send(letters.letter(told))

    def again_after(self, held: Claim, answer: Answer) -> timedelta | None:
        wait = BACK_OFF[min(held.attempt_count, len(BACK_OFF)) - 1]
        if answer.is_server_fault:
            return min(wait, LONGEST_WAIT_FOR_SERVER)
        return wait if held.attempt_count < MOST_ATTEMPTS else None


class _Webhooks:
    """Receivers of webhooks, and chats. One that fails is tried once a run: however much waits for
    it, the others are not to wait with it."""

    is_mail = False

    def __init__(self) -> None:
        self.per_minute: int = settings.WEBHOOK_CALLS_PER_MINUTE
        self.resting: set[str] = set()

    def send(self, held: Claim, told: Contents, *, now: datetime) -> Answer:
        answer = self._call(held, told, now)
        if answer.outcome is not AttemptOutcome.SENT:
            self.resting.add(told.recipient)
        return answer

    def _call(self, held: Claim, told: Contents, now: datetime) -> Answer:
        webhook = Webhook.objects.filter(messages=held.message_id).first()
        if webhook is None:
            return Answer(outcome=AttemptOutcome.REFUSED, text="This webhook is no more.")
        return call(webhook, told, now=now)

    def again_after(self, held: Claim, answer: Answer) -> timedelta | None:
        return webhooks.next_attempt_after(held.attempt_count)


def call(
    webhook: Webhook, told: Contents, *, now: datetime, event: str = payloads.ALERTS
) -> Answer:
    """Tell one receiver of webhooks, or write into one chat, once. Never raises what the other
    side gives cause for."""
    if not webhook.is_active:
        return Answer(outcome=AttemptOutcome.REFUSED, text="This webhook is switched off.")
    if webhook.kind == WebhookKind.CHAT.value:
        subject, text = letters.subject(told), payloads.chat_text(told)
        return chats.notify(url=webhook.url, title=subject, body=text)
    secrets = [webhook.secret]
    if webhook.former_until is not None and now < webhook.former_until:
        secrets.append(webhook.former_secret)
    return webhooks.post(
        url=webhook.url,
        secrets=secrets,
        message_id=told.message_id.strip("<>"),
        payload=payloads.payload(told, told_at=now, event=event),
        now=now,
    )


def deliver(*, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False) -> DeliveryReport:
    """Mail everything that is due at `as_of`, each message once, over one connection.

    Run as often as you like, by as many workers as you like. When the mail server cannot be
    reached the run ends after one attempt; what it had claimed is given back. Messages for
    webhooks are formed too, and left to `call_webhooks`.

    Args:
        is_stopping: asked before each message; the run ends when it says yes.
    """
    clock = _Clock(as_of)
    report = DeliveryReport(formed=outbox.form(as_of=as_of, domain=letters.sender_domain()))
    with Carrier() as carrier:
        _work_through(_Mail(carrier), report, clock, as_of, is_stopping)
    return report


def call_webhooks(
    *, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False
) -> DeliveryReport:
    """Call the webhooks, and write into the chats, for which something is due at `as_of`.

    The run ends after `WEBHOOKS_SECONDS`; what is left is for the next.
    """
    clock = _Clock(as_of)
    report = DeliveryReport()
    end = time.monotonic() + WEBHOOKS_SECONDS
    _work_through(
        _Webhooks(), report, clock, as_of, lambda: is_stopping() or time.monotonic() > end
    )
    return report


def _work_through(
    channel: _Channel,
    report: DeliveryReport,
    clock: _Clock,
    as_of: datetime,
    is_stopping: Callable[[], bool],
) -> None:
    while not is_stopping():
        claims, withdrawn = outbox.claim(
            as_of=as_of, now=clock(), is_mail=channel.is_mail, per_minute=channel.per_minute
        )
        report.withdrawn += withdrawn
        if not claims and not withdrawn:
            break
        if not _send_claimed(claims, channel, report, clock, is_stopping):
            break


def _send_claimed(
    claims: Sequence[Claim],
    channel: _Channel,
    report: DeliveryReport,
    clock: _Clock,
    is_stopping: Callable[[], bool],
) -> bool:
    """Send what was claimed; whether there is reason to go on to the next."""
    told = _read(claims, channel, report, clock)
    reached: dict[str, datetime] = {}
    for place, claimed in enumerate(claims):
        if is_stopping():
            outbox.release(claims[place:], now=clock())
            outbox.mark_reached(reached)
            return False
        held: Claim | None = claimed
        if clock() + outbox.LEASE_FOR_ONE > claimed.leased_until:
            held = outbox.renew(claimed, now=clock())
        if held is None:
            continue
        if held.message_id not in told or told[held.message_id].recipient in channel.resting:
            outbox.release([held], now=clock())
            continue
        answer = _attempt(held, told[held.message_id], channel, report, clock)
        if answer.outcome is AttemptOutcome.SENT:
            reached[told[held.message_id].recipient] = clock()
        if answer.is_server_fault:
            outbox.release(claims[place + 1 :], now=clock())
            outbox.mark_reached(reached)
            return False
    outbox.mark_reached(reached)
    return True


def _read(
    claims: Sequence[Claim], channel: _Channel, report: DeliveryReport, clock: _Clock
) -> dict[int, Contents]:
    """What messages tell. One that cannot be worked out is deferred, and holds up no other."""
    try:
        return contents.read([held.message_id for held in claims], as_of=clock())
    except Error:  # the database is away, which is no message's fault
        raise
    except Exception:
        log.exception("messages could not be worked out; one by one now")
    told: dict[int, Contents] = {}
    for held in claims:
        started_at = clock()
        try:
            told |= contents.read([held.message_id], as_of=started_at)
        except Exception as error:
            log.exception("message could not be worked out", message=held.message_id)
            answer = Answer(outcome=AttemptOutcome.DEFERRED, text=repr(error))
            _record(held, answer, channel, started_at=started_at, ended_at=clock())
            report.deferred += 1
    return told


def _record(
    held: Claim, answer: Answer, channel: _Channel, *, started_at: datetime, ended_at: datetime
) -> bool:
    """Store how an attempt ended; whether the message is given up with it."""
    wait = channel.again_after(held, answer)
    outbox.record(
        held,
        outcome=answer.outcome,
        answer=answer.text,
        started_at=started_at,
        ended_at=ended_at,
        again_at=None if wait is None else ended_at + wait,
        counts=not answer.is_server_fault,
    )
    return answer.outcome is AttemptOutcome.DEFERRED and wait is None


def _attempt(
    held: Claim, told: Contents, channel: _Channel, report: DeliveryReport, clock: _Clock
) -> Answer:
    started_at = clock()
    try:
        answer = channel.send(held, told, now=started_at)
    except Exception as error:  # a fault of ours must hold up neither this message nor the others
        log.exception("message could not be made", message_id=told.message_id)
        answer = Answer(outcome=AttemptOutcome.DEFERRED, text=repr(error))
    ended_at = clock()
    is_given_up = _record(held, answer, channel, started_at=started_at, ended_at=ended_at)
    noted = {"message_id": told.message_id, "recipient": told.recipient}
    match answer.outcome:
        case AttemptOutcome.SENT:
            report.sent += 1
            log.info("message sent", **noted)
        case AttemptOutcome.DEFERRED:
            report.deferred += 1
            log.warning("message deferred", **noted, answer=answer.text, given_up=is_given_up)
            if is_given_up:
                _note_refusal(told.recipient, answer.text, held, ended_at)
        case AttemptOutcome.REFUSED:
            report.refused += 1
            log.error("message refused", **noted, answer=answer.text)
            _note_refusal(told.recipient, answer.text, held, ended_at)
    return answer


def _note_refusal(recipient: str, answer: str, held: Claim, at: datetime) -> None:
    """Mark who takes nothing any more; the administrators hear of it the first time."""
    if outbox.mark_refused(recipient, answer=answer, as_of=at):
        refusals.tell(recipient, answer=answer, message=held.message_id)
