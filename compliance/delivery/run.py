"""One run of delivery: form messages, then claim, send and record, a few at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.conf import settings
from django.db import Error

from compliance.delivery import chats, contents, letters, outbox, payloads, refusals, webhooks
from compliance.delivery.attempts import Attempt, Channel
from compliance.delivery.carrier import Answer, Carrier, of_our_fault
from compliance.delivery.contents import Contents
from compliance.delivery.mime import Mail
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


class _Mail:
    """One connection to the mail server."""

    is_mail = True

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._ready: tuple[Contents, Mail] | None = None
        self.per_minute: int = settings.MAILS_PER_MINUTE
        self.resting: set[str] = set()
        self.is_down = False

    def prepare(self, told: Contents) -> None:
        self._ready = told, letters.letter(told).made()

    def begin(self, held: Claim, told: Contents) -> Answer | None:
        if self._ready is not None and self._ready[0] is told:
            return self._carrier.begin(self._ready[1])
        return self._carrier.begin(letters.letter(told))

    def proceed(self) -> Answer | None:
        return self._carrier.proceed()

    def finish(self) -> None:
        self._carrier.finish()

    def conclude(self, *, now: datetime) -> Answer | None:
        return self._carrier.conclude()

    def abandon(self) -> None:
        self._carrier.abandon()

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
        self.is_down = False

    def prepare(self, told: Contents) -> None:
        pass

    def begin(self, held: Claim, told: Contents) -> Answer | None:
        self._held, self._told = held, told
        return None

    def proceed(self) -> Answer | None:
        return None

    def finish(self) -> None:
        pass

    def conclude(self, *, now: datetime) -> Answer | None:
        webhook = Webhook.objects.filter(messages=self._held.message_id).first()
        if webhook is None:
            return Answer(outcome=AttemptOutcome.REFUSED, text="This webhook is no more.")
        answer = call(webhook, self._told, now=now)
        if answer.outcome is not AttemptOutcome.SENT:
            self.resting.add(self._told.recipient)
        return answer

    def abandon(self) -> None:
        pass

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
        is_stopping: asked before each message is sent; the run ends when it says yes.
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
    channel: Channel,
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
    channel: Channel,
    report: DeliveryReport,
    clock: _Clock,
    is_stopping: Callable[[], bool],
) -> bool:
    """Send what was claimed; whether there is reason to go on to the next."""
    journal = _Journal(channel, report, clock)
    told = _read(claims, journal, clock)
    waiting = deque(claims)
    goes_on = True
    last: Attempt | None = None
    stale_at = clock() + outbox.LEASE
    while waiting and goes_on and not channel.is_down:
        # What is claimed anew is looked at anew: it may be true no more.
        if clock() > stale_at:
            break
        held = _if_still_ours(waiting.popleft(), clock)
        if held is None:
            continue
        if held.message_id not in told:
            outbox.release([held], now=clock())
            continue
        started_at = clock()
        try:
            attempt = Attempt(held, told[held.message_id], channel, clock)
        except Exception as error:
            # What was sent goes on record first, whatever comes of this.
            journal.record(last)
            last = None
            journal.defer(held, error, started_at=started_at)
            continue
        attempt.begin()
        with journal.recording(last):
            # While the other side and the database work, the next message is made ready.
            ahead = _ahead(waiting, told)
            attempt.proceed()
        if goes_on := not is_stopping():
            attempt.end(
                lambda held: _if_still_ours(held, clock),
                meanwhile=partial(_prepare, channel, ahead),
            )
        else:
            attempt.leave()
        last = attempt
    journal.record(last)
    outbox.release(waiting, now=clock())
    outbox.mark_reached(journal.reached)
    return goes_on and not channel.is_down


def _if_still_ours(held: Claim, clock: _Clock) -> Claim | None:
    """The claim with enough of its lease left; None when it came into other hands."""
    if clock() + outbox.LEASE_FOR_ONE <= held.leased_until:
        return held
    renewed = outbox.renew(held, now=clock())
    # A renewal that took longer than a lease has come too late.
    return renewed if renewed is None or clock() < renewed.leased_until else None


def _read(claims: Sequence[Claim], journal: _Journal, clock: _Clock) -> Mapping[int, Contents]:
    """What messages tell. One that cannot be read is deferred, and holds up no other."""
    try:
        return contents.read([held.message_id for held in claims], as_of=clock())
    except Error:  # the database is away, which is no message's fault
        raise
    except Exception:
        log.exception("messages could not be read; one by one now")
    told: dict[int, Contents] = {}
    for held in claims:
        started_at = clock()
        try:
            told |= contents.read([held.message_id], as_of=started_at)
        except Exception as error:
            journal.defer(held, error, started_at=started_at)
    return told


def _ahead(waiting: Sequence[Claim], told: Mapping[int, Contents]) -> Contents | None:
    """What the next message tells. One that cannot be put into words is, when its turn comes,
    tried again and deferred."""
    with suppress(Exception):
        return told[waiting[0].message_id] if waiting else None
    return None


def _prepare(channel: Channel, ahead: Contents | None) -> None:
    """Make the next message ready. One that cannot be made is, when its turn comes, tried again
    and deferred."""
    if ahead is not None:
        with suppress(Exception):
            channel.prepare(ahead)


class _Journal:
    """Records attempts. `reached` are the recipients of what was sent, and when they took it."""

    def __init__(self, channel: Channel, report: DeliveryReport, clock: _Clock) -> None:
        self._channel = channel
        self._report = report
        self._clock = clock
        self.reached: dict[str, datetime] = {}

    @contextmanager
    def recording(self, attempt: Attempt | None) -> Iterator[None]:
        """Record an attempt, if there is one, beside what is done in the block.

        It is on record after the block, in which the database must not be asked for anything. One
        that was left is given back.
        """
        if attempt is None or attempt.answer is None:
            if attempt is not None:
                outbox.release([attempt.held], now=self._clock())
            yield
            return
        held, told, answer, ended_at = attempt.held, attempt.told, attempt.answer, attempt.ended_at
        again_at = self._again_at(held, answer, ended_at)
        with outbox.recording(
            held,
            outcome=answer.outcome,
            answer=answer.text,
            started_at=attempt.started_at,
            ended_at=ended_at,
            again_at=again_at,
            counts=not answer.is_server_fault,
        ):
            yield
        noted = {"message_id": told.message_id, "recipient": told.recipient}
        match answer.outcome:
            case AttemptOutcome.SENT:
                self._report.sent += 1
                self.reached[told.recipient] = ended_at
                log.info("message sent", **noted)
            case AttemptOutcome.DEFERRED:
                is_given_up = again_at is None
                self._report.deferred += 1
                log.warning("message deferred", **noted, answer=answer.text, given_up=is_given_up)
                if is_given_up:
                    _note_refusal(told.recipient, answer.text, held, ended_at)
            case AttemptOutcome.REFUSED:
                self._report.refused += 1
                log.error("message refused", **noted, answer=answer.text)
                _note_refusal(told.recipient, answer.text, held, ended_at)

    def record(self, attempt: Attempt | None) -> None:
        """Record an attempt, if there is one."""
        with self.recording(attempt):
            pass

    def defer(self, held: Claim, error: Exception, *, started_at: datetime) -> None:
        """Record that a message could not be worked out."""
        log.error("message could not be worked out", message=held.message_id, exc_info=error)
        answer, ended_at = of_our_fault(error), self._clock()
        with outbox.recording(
            held,
            outcome=answer.outcome,
            answer=answer.text,
            started_at=started_at,
            ended_at=ended_at,
            again_at=self._again_at(held, answer, ended_at),
        ):
            self._report.deferred += 1

    def _again_at(self, held: Claim, answer: Answer, ended_at: datetime) -> datetime | None:
        """When the next attempt follows if this one was deferred; None to give up."""
        wait = self._channel.again_after(held, answer)
        return None if wait is None else ended_at + wait


def _note_refusal(recipient: str, answer: str, held: Claim, at: datetime) -> None:
    """Mark who takes nothing any more; the administrators hear of it the first time."""
    if outbox.mark_refused(recipient, answer=answer, as_of=at):
        refusals.tell(recipient, answer=answer, message=held.message_id)
