"""The outcome of one attempt to deliver a message."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.domain.vocabulary import AttemptOutcome

# Answers can have any length; only this many characters are stored.
MAX_ANSWER_LENGTH = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The outcome of an attempt, and the text of the answer.

    `is_server_fault` means that the next message would fail for the same reason.
    """

    outcome: AttemptOutcome
    text: str = ""
    is_server_fault: bool = False
