"""The outcome of one attempt to deliver a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from compliance.domain.vocabulary import AttemptOutcome

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
