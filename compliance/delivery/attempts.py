"""One attempt to send a message, around the record of the one before.

An attempt is begun before the one before it is recorded, and does not end before that one is on
record: there is never more than one message that was sent and is not on record.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from django.db import Error

from compliance.delivery.carrier import Answer, of_our_fault
from compliance.delivery.contents import Contents
from compliance.delivery.outbox import Claim

log = structlog.get_logger(__name__)


class Channel(Protocol):
    """A way to reach recipients.

    `resting` are those that failed in this run, whose other messages are left to the next one;
    when it `is_down`, all are. Nothing is raised that the other side gives cause for.
    """

    is_mail: bool
    # How many messages it may be given in a minute; 0 for any number.
    per_minute: int
    resting: set[str]
    is_down: bool

    def prepare(self, told: Contents) -> None:
        """Make ready what will soon be sent. Must not ask the database."""

    def begin(self, held: Claim, told: Contents) -> Answer | None:
        """Set an attempt going, without waiting for the other side. An answer if the attempt has
        ended with it. Must not ask the database."""

    def proceed(self) -> Answer | None:
        """Do whatever the other side takes for nothing before `finish`. An answer if the attempt
        has ended with it. Must not ask the database."""

    def finish(self) -> None:
        """Hand over the end, without waiting for the other side."""

    def conclude(self, *, now: datetime) -> Answer | None:
        """Hear what the other side says to it. No answer if the attempt stands again where it
        stood after `proceed`."""

    def abandon(self) -> None:
        """Leave the attempt that was begun; the other side has nothing of it."""

    def again_after(self, held: Claim, answer: Answer) -> timedelta | None:
        """How long after a deferral the next attempt follows; None to give up."""


class Attempt:
    """`answer` is None as long as the message was not sent, and may be by another."""

    def __init__(
        self, held: Claim, told: Contents, channel: Channel, clock: Callable[[], datetime]
    ) -> None:
        self.held = held
        self.told = told
        self.answer: Answer | None = None
        self.started_at = self.ended_at = clock()
        self._channel = channel
        self._clock = clock
        self._is_under_way = False

    def begin(self) -> None:
        """Set it going, unless its recipient is to be left alone in this run."""
        if self._channel.is_down or self.told.recipient in self._channel.resting:
            return
        self._is_under_way = True
        self._note(self._tried(lambda: self._channel.begin(self.held, self.told)))

    def proceed(self) -> None:
        """Do all but its end, if it is under way."""
        if self._is_under_way:
            self._note(self._tried(self._channel.proceed))

    def end(
        self, if_still_ours: Callable[[Claim], Claim | None], *, meanwhile: Callable[[], None]
    ) -> None:
        """End it, if it is under way.

        Args:
            if_still_ours: asked right before: the claim with enough of its lease left, or None
                when the message must not be sent.
            meanwhile: what to do while the other side works.
        """
        while self._is_under_way:
            held = if_still_ours(self.held)
            if held is None:
                self.leave()
                return
            self.held = held
            self._channel.finish()
            meanwhile()
            self._note(self._tried(lambda: self._channel.conclude(now=self._clock())))

    def leave(self) -> None:
        """Let it be, unsent, if it is under way."""
        if self._is_under_way:
            self._is_under_way = False
            self._channel.abandon()

    def _note(self, answer: Answer | None) -> None:
        if answer is not None:
            self._is_under_way = False
            self._channel.is_down = answer.is_server_fault
            self.ended_at = self._clock()
            self.answer = answer

    def _tried(self, step: Callable[[], Answer | None]) -> Answer | None:
        """What a step comes to. A fault of ours defers the message: it must hold up neither that
        one nor the others."""
        try:
            return step()
        except Error:  # the database is away, which is no message's fault
            raise
        except Exception as error:
            log.exception("message could not be made", message_id=self.told.message_id)
            self._channel.abandon()
            return of_our_fault(error)
