"""The contents of a message: what it reports, in sentences that do not depend on the channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedPosition:
    """The latest position of one party on a deadline."""

    party: str
    verdict: str
    day: str
    quote: str


class Row(NamedTuple):
    """A label such as `Was due`, and the lines beside it."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One deadline in a message.

    Attributes:
        label: the heading under which it is counted, such as `missed` or `met late`.
        headline: the label with details, such as `Due in 2 days`.
        tone: `bad`, `good` or `plain`.
        dates: when it is due, in the time zones that matter; the original date and the end of the
            grace period, if they differ.
        situation: one sentence on how things stand now.
        history: what has happened since the deadline was agreed, one line for each change.
        path: the path of its page; `acknowledge_path` is empty if it cannot be acknowledged.
        is_reopened: whether a breach that predates its entry is reported as open again.
    """

    deadline_id: int
    kind: str
    label: str
    headline: str
    tone: str
    title: str
    ref: str
    agreement: str
    severity: str
    obligors: str
    obligors_short: str
    obligees: str
    dates: tuple[Row, ...]
    situation: str
    evidence: str
    path: str
    note: str = ""
    history: str = ""
    clause: str = ""
    quote: str = ""
    positions: tuple[StatedPosition, ...] = ()
    is_disputed: bool = False
    acknowledge_path: str = ""
    predates_entry: bool = False
    is_reopened: bool = False

    @property
    def due(self) -> Row:
        """Return when it is due."""
        return self.dates[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """A subscription that caused a message: what it follows, and the path where it is ended."""

    follows: str
    unsubscribe_path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What one message reports. `counts` is by label and includes deadlines that are not listed.

    `thread` names what mail programs group by; `references` are the Message-IDs of the messages
    that reported the same breaches before. `unsubscribe_path` ends all `causes`. A summary reports
    breaches from before their deadlines were entered, of any number of agreements.
    """

    recipient: str
    message_id: str
    thread: str
    agreement: str
    agreement_ref: str
    is_digest: bool
    counts: dict[str, int]
    items: tuple[Item, ...]
    list_path: str
    references: tuple[str, ...] = ()
    unsubscribe_path: str = ""
    causes: tuple[Cause, ...] = ()
    is_summary: bool = False

    @property
    def total(self) -> int:
        """Return how many deadlines it reports."""
        return sum(self.counts.values())

    @property
    def omitted(self) -> int:
        """Return how many deadlines it reports but does not list."""
        return self.total - len(self.items)
