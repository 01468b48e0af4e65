"""One run of delivery: form messages, then claim, render, send and record them one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

import structlog
from django.db import Error

from compliance.delivery import administrator_mails, messages, outbox, rendering
from compliance.delivery.answers import Answer, own_error
from compliance.delivery.mailer import Mailer
from compliance.delivery.messages import Batch, HiddenFromRecipient
from compliance.delivery.outbox import Claim
from compliance.delivery.senders import MailSender, Send, Sender, WebhookSender
from compliance.delivery.time_limits import ATTEMPT_LIMIT
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

# Slow webhooks must not keep the worker from its other tasks for longer. The remaining messages are
# sent in the next run, after those of other recipients.
WEBHOOKS_SECONDS = 60.0
# Few enough that long messages do not fill the memory.
PREPARED_AT_ONCE = 50


@dataclass(kw_only=True, slots=True)
class DeliveryReport:
    """How many messages a run formed and withdrew, and how its attempts ended."""

    formed: int = 0
    sent: int = 0
    deferred: int = 0
    refused: int = 0
    withdrawn: int = 0


def deliver(*, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False) -> DeliveryReport:
    """Form messages, and send all emails that are due at `as_of` over one connection.

    Any number of workers may run it at the same time. If the mail server cannot be reached, the
    run ends after one attempt. Messages to webhooks are left to `call_webhooks`.

    Args:
        is_stopping: asked before each message; the run ends when it returns True.
    """
    report = DeliveryReport(formed=outbox.form(as_of=as_of, domain=rendering.sender_domain()))
    with closing(Mailer()) as mailer:
        _Run(MailSender(mailer), mailer, report, _clock(as_of), is_stopping).work(as_of)
    return report


def call_webhooks(
    *, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False
) -> DeliveryReport:
    """Call the webhooks, and write to the chats, whose messages are due at `as_of`.

    The run ends after `WEBHOOKS_SECONDS`.
    """
    report = DeliveryReport()
    end = time.monotonic() + WEBHOOKS_SECONDS

    def is_ending() -> bool:
        return is_stopping() or time.monotonic() > end

    with closing(Mailer()) as mailer:
        _Run(WebhookSender(), mailer, report, _clock(as_of), is_ending).work(as_of)
    return report


def _clock(as_of: datetime) -> Callable[[], datetime]:
    """Return a clock that starts at `as_of`, so that a run has one notion of now."""
    started = time.monotonic()
    return lambda: as_of + timedelta(seconds=time.monotonic() - started)


@dataclass(slots=True)
class _Run:
    """The state of one run. `mailer` notifies the administrators."""

    sender: Sender
    mailer: Mailer
    report: DeliveryReport
    clock: Callable[[], datetime]
    is_stopping: Callable[[], bool]
    is_server_down: bool = False
    failed: set[str] = field(default_factory=set)
    reached: dict[str, datetime] = field(default_factory=dict)

    def work(self, as_of: datetime) -> None:
        """Claim and send until nothing is due, the server is down, or the worker is stopping."""
        while not self.is_stopping() and not self.is_server_down:
            claims, withdrawn = outbox.claim(
                as_of=as_of,
                now=self.clock(),
                is_mail=self.sender.is_mail,
                per_minute=self.sender.per_minute,
            )
            self.report.withdrawn += withdrawn
            if not claims and not withdrawn:
                break
            self._send_all(claims)

    def _send_all(self, claims: Sequence[Claim]) -> None:
        """Send claimed messages one by one, and give back those that were not tried."""
        # After a lease, messages may no longer be true: they are claimed and read again.
        stale_at = self.clock() + outbox.LEASE
        untried = {claim.message_id: claim for claim in claims}
        for claim, send in self._prepared(claims):
            if self.is_server_down or self.is_stopping() or self.clock() > stale_at:
                break
            if claim.recipient in self.failed:
                continue
            del untried[claim.message_id]
            if (held := self._hold(claim)) is not None:
                self._send(held, send)
        outbox.release(untried.values(), now=self.clock())
        outbox.mark_reached(self.reached)
        self.reached.clear()

    def _prepared(self, claims: Sequence[Claim]) -> Iterator[tuple[Claim, Send]]:
        """Yield the claims that have something to report, each with what sends it.

        Claims that could not be loaded together are loaded one by one, so that those at fault fail
        alone.
        """
        by_id = {claim.message_id: claim for claim in claims}
        prepared: set[int] = set()
        try:
            for ids, batch in messages.load_for_recipients(list(by_id), clock=self.clock):
                prepared.update(ids)
                yield from self._prepared_from(batch, [by_id[each] for each in ids])
        except Error:  # a database error, for which no message is to blame
            raise
        except Exception as error:
            remaining = [claim for claim in claims if claim.message_id not in prepared]
            if len(claims) == 1:
                yield claims[0], partial(_raise, error)
                return
            for claim in remaining:
                yield from self._prepared([claim])

    def _prepared_from(
        self, batch: Batch | HiddenFromRecipient, claims: Sequence[Claim]
    ) -> Iterator[tuple[Claim, Send]]:
        """Yield claims of a batch, each with what sends it.

        A few are prepared at a time. One by one, between exchanges with servers, preparing a
        message takes about twice as long.
        """
        if isinstance(batch, HiddenFromRecipient):
            for claim in claims:
                if outbox.split(claim):
                    yield from self._prepared([claim])
                else:
                    yield claim, partial(_raise, batch)
            return
        claims = [claim for claim in claims if claim.message_id in batch.messages]
        for place in range(0, len(claims), PREPARED_AT_ONCE):
            few = claims[place : place + PREPARED_AT_ONCE]
            yield from [(claim, self._prepare(claim, batch)) for claim in few]

    def _prepare(self, claim: Claim, batch: Batch) -> Send:
        """Return what sends a message. An error of our own is raised when it is called."""
        try:
            contents = batch.contents(claim.message_id)
            return self.sender.prepare(contents, message_id=claim.message_id)
        except Error:
            raise
        except Exception as error:
            return partial(_raise, error)

    def _hold(self, claim: Claim) -> Claim | None:
        """Return the claim with a lease that outlasts an attempt, or None if it was lost."""
        if self.clock() + ATTEMPT_LIMIT <= claim.leased_until:
            return claim
        renewed = outbox.renew(claim, now=self.clock())
        # The renewal itself may have taken longer than the lease.
        return renewed if renewed is None or self.clock() < renewed.leased_until else None

    def _send(self, claim: Claim, send: Send) -> None:
        """Send one message and record the attempt."""
        started_at = self.clock()
        try:
            answer = send(started_at)
        except Error:
            raise
        except Exception as error:
            answer = own_error(error, message=claim.message_id)
        self.is_server_down = answer.is_server_fault
        self._record(claim, answer, started_at=started_at)

    def _record(self, claim: Claim, answer: Answer, *, started_at: datetime) -> None:
        ended_at = self.clock()
        wait = self.sender.retry_after(claim, answer)
        retry_at = None if wait is None else ended_at + wait
        outbox.record(claim, answer, started_at=started_at, ended_at=ended_at, retry_at=retry_at)
        values = {"message": claim.message_id, "recipient": claim.recipient, "answer": answer.text}
        match answer.outcome:
            case AttemptOutcome.SENT:
                self.report.sent += 1
                self.reached[claim.recipient] = ended_at
                log.info("message sent", **values)
                return
            case AttemptOutcome.DEFERRED:
                self.report.deferred += 1
                log.warning("message deferred", **values, given_up=retry_at is None)
            case AttemptOutcome.REFUSED:
                self.report.refused += 1
                log.error("message refused", **values)
        if not self.sender.is_mail:
            # A webhook that hangs must not use up the time of all others.
            self.failed.add(claim.recipient)
        if answer.outcome is AttemptOutcome.REFUSED or retry_at is None:
            self._note_refusal(claim, answer, at=ended_at)

    def _note_refusal(self, claim: Claim, answer: Answer, *, at: datetime) -> None:
        """Mark a recipient that refuses messages, and notify the administrators if that is new.

        They are notified over the connection in use: many servers accept only one at a time.
        """
        is_new = outbox.mark_refused(claim.recipient, answer=answer.text, as_of=at)
        if is_new or answer.is_gone:
            administrator_mails.send_message_refusal(
                claim.recipient,
                answer.text,
                message_id=claim.message_id,
                is_gone=answer.is_gone,
                mailer=self.mailer,
            )


def _raise(error: Exception, _now: datetime) -> NoReturn:
    raise error
