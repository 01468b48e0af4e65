"""One attempt to send a message, beside the record of the one before.

Attempts are made one after the other in a thread of their own, which has no connection to the
database; the thread that has it records them. An attempt begins as soon as the one before has
ended, and does not end before that one is on record: there is never more than one message that was
sent and is not on record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol, TypeVar

import structlog

from compliance.delivery.carrier import Answer
from compliance.delivery.contents import Contents
from compliance.delivery.outbox import LEASE, Claim
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

_Outcome = TypeVar("_Outcome")


class Channel(Protocol):
    """A way to reach recipients.

    `resting` are those that failed in this run, whose other messages are left to the next one;
    when it `is_down`, all are. `begin`, `finish` and `abandon` must not ask the database, and raise
    nothing that the other side gives cause for.
    """

    is_mail: bool
    # How many messages it may be given in a minute; 0 for any number.
    per_minute: int
    resting: set[str]
    is_down: bool

    def prepare(self, told: Mapping[int, Contents]) -> None:
        """Make ready what is about to be sent, by message."""

    def begin(self, held: Claim, told: Contents, *, now: datetime) -> Answer | None:
        """Do whatever the other side takes for nothing before `finish`. An answer if the attempt
        has ended with it."""

    def look(self, held: Claim) -> None:
        """See whom the message goes to as things stand. Called before `finish`, by the thread that
        has the database."""

    def finish(self, *, now: datetime) -> Answer:
        """End the attempt that was begun."""

    def abandon(self) -> None:
        """Leave the attempt that was begun; the other side has nothing of it."""

    def again_after(self, held: Claim, answer: Answer) -> timedelta | None:
        """How long after a deferral the next attempt follows; None to give up."""


class Attempt:
    """An attempt under way, from when it is made. `answer` is None if the message was not sent
    and may be by another."""

    def __init__(
        self,
        held: Claim,
        told: Contents,
        channel: Channel,
        clock: Callable[[], datetime],
        beside: Executor,
    ) -> None:
        self.held = held
        self.told = told
        self.answer: Answer | None = None
        self.started_at = self.ended_at = clock()
        self._channel = channel
        self._clock = clock
        self._begun = Event()
        self._leave: Future[Claim | None] = Future()
        self._running = beside.submit(self._run)

    def wait_begun(self) -> None:
        """Wait until all that comes before its end is done."""
        self._begun.wait()

    def may_end(self, held: Claim | None) -> None:
        """Let it end, on this claim, which has enough of its lease left; or, without one, not."""
        if held is not None:
            self.held = held
        self._leave.set_result(held)

    def wait(self) -> None:
        """Wait until it is over."""
        self._running.result()

    def _run(self) -> None:
        if self._channel.is_down or self.told.recipient in self._channel.resting:
            self._begun.set()
            return
        self.started_at = self._clock()
        try:
            answer = self._tried(
                lambda: self._channel.begin(self.held, self.told, now=self.started_at)
            )
        finally:
            self._begun.set()
        if answer is None:
            if not self._has_leave():
                self._channel.abandon()
                return
            answer = self._tried(lambda: self._channel.finish(now=self._clock()))
        self._channel.is_down = answer.is_server_fault
        self.ended_at = self._clock()
        self.answer = answer

    def _has_leave(self) -> bool:
        try:
            held = self._leave.result(timeout=LEASE.total_seconds())
        except TimeoutError:  # whoever was to say so is gone, or the lease is
            return False
        return held is not None and self._clock() < held.leased_until

    def _tried(self, step: Callable[[], _Outcome]) -> _Outcome | Answer:
        """What a step comes to. A fault of ours defers the message: it must hold up neither that
        one nor the others."""
        try:
            return step()
        except Exception as error:
            log.exception("message could not be made", message_id=self.told.message_id)
            self._channel.abandon()
            return Answer(outcome=AttemptOutcome.DEFERRED, text=repr(error))
