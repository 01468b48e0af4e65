"""The outcomes of attempts to deliver a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog

from compliance.domain.phrases import one_line
from compliance.domain.vocabulary import AttemptOutcome

log = structlog.get_logger(__name__)

# Answers can have any length; only this many characters are stored.
MAX_ANSWER_LENGTH = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The outcome of an attempt, and the text of the answer.

    Attributes:
        is_server_fault: the next message would fail for the same reason.
        retry_after: how long the receiver asks to be left alone, already limited.
        is_gone: the receiver says that it no longer exists and must not be called again.
    """

    outcome: AttemptOutcome
    text: str = ""
    is_server_fault: bool = False
    retry_after: timedelta | None = None
    is_gone: bool = False


def own_error(error: Exception, **about: object) -> Answer:
    """Log an error of our own and return it as a deferral, so that it holds up no other message."""
    log.error("message could not be rendered", exc_info=error, **about)
    text = one_line(repr(error))[:MAX_ANSWER_LENGTH]
    return Answer(outcome=AttemptOutcome.DEFERRED, text=text)
