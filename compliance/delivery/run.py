"""One run of delivery: form messages, then claim, send and record, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from compliance.delivery import contents, letters, outbox
from compliance.delivery.carrier import Answer, Carrier
from compliance.delivery.contents import Contents
from compliance.delivery.outbox import Claim
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

# How long after the first, second, ... attempt the next one follows; the last goes on for ever.
BACK_OFF = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
# A server that is down is no fault of the message: it is to go out soon after the server is back.
LONGEST_WAIT_FOR_SERVER = timedelta(minutes=2)


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


def deliver(*, as_of: datetime, is_stopping: Callable[[], bool] = lambda: False) -> DeliveryReport:
    """Send everything that is due at `as_of`, each message once, over one connection.

    Run as often as you like, by as many workers as you like. When the mail server cannot be
    reached the run ends after one attempt; what it had claimed is given back.

    Args:
        is_stopping: asked before each message; the run ends when it says yes.
    """
    clock = _Clock(as_of)
    report = DeliveryReport(formed=outbox.form(as_of=as_of, domain=letters.sender_domain()))
    with Carrier() as carrier:
        while not is_stopping():
            claims, withdrawn = outbox.claim(as_of=as_of, now=clock())
            report.withdrawn += withdrawn
            if not claims and not withdrawn:
                break
            if not _send_claimed(claims, carrier, report, clock, is_stopping):
                break
    return report


def _send_claimed(
    claims: Sequence[Claim],
    carrier: Carrier,
    report: DeliveryReport,
    clock: _Clock,
    is_stopping: Callable[[], bool],
) -> bool:
    """Send what was claimed; whether there is reason to go on to the next."""
    told = contents.read([held.message_id for held in claims], as_of=clock())
    for place, claimed in enumerate(claims):
        if is_stopping():
            outbox.release(claims[place:], now=clock())
            return False
        held: Claim | None = claimed
        if clock() + outbox.LEASE_FOR_ONE > claimed.leased_until:
            held = outbox.renew(claimed, now=clock())
        if held is None:
            continue
        if held.message_id not in told:
            outbox.release([held], now=clock())
            continue
        answer = _attempt(held, told[held.message_id], carrier, report, clock)
        if answer.is_server_fault:
            outbox.release(claims[place + 1 :], now=clock())
            return False
    return True


def _attempt(
    held: Claim, told: Contents, carrier: Carrier, report: DeliveryReport, clock: _Clock
) -> Answer:
    started_at = clock()
    try:
        answer = carrier.send(letters.letter(told))
    except Exception as error:  # a fault of ours must hold up neither this message nor the others
        log.exception("mail could not be made", message_id=told.message_id)
        answer = Answer(outcome=AttemptOutcome.DEFERRED, text=repr(error))
    ended_at = clock()
    outbox.record(
        held,
        outcome=answer.outcome,
        answer=answer.text,
        started_at=started_at,
        ended_at=ended_at,
        again_at=ended_at + _back_off(held.attempt_count, answer),
    )
    noted = {"message_id": told.message_id, "recipient": told.recipient}
    match answer.outcome:
        case AttemptOutcome.SENT:
            report.sent += 1
            log.info("mail sent", **noted)
        case AttemptOutcome.DEFERRED:
            report.deferred += 1
            log.warning("mail deferred", **noted, answer=answer.text)
        case AttemptOutcome.REFUSED:
            report.refused += 1
            log.error("mail refused", **noted, answer=answer.text)
    return answer


def _back_off(attempt_count: int, answer: Answer) -> timedelta:
    wait = BACK_OFF[min(attempt_count, len(BACK_OFF)) - 1]
    return min(wait, LONGEST_WAIT_FOR_SERVER) if answer.is_server_fault else wait
