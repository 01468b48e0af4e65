"""Positions: what the parties say about a deadline, and whether they contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from compliance.domain.vocabulary import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """What one party said about one deadline, at `stated_at`."""

    party_id: int
    verdict: Verdict
    stated_at: datetime
    id: int
    share: Decimal | None = None


def is_disputed(positions: Iterable[Position]) -> bool:
    """Return whether the latest positions of the parties differ. They never change the status.

    Different shares differ like different verdicts. A position without a share fits any share, and
    an undetermined one contradicts nobody.
    """
    latest: dict[int, Position] = {}
    for position in sorted(positions, key=lambda each: (each.stated_at, each.id)):
        latest[position.party_id] = position
    verdicts = {position.verdict for position in latest.values()} - {Verdict.UNDETERMINED}
    shares = {position.share for position in latest.values()} - {None}
    return len(verdicts) > 1 or len(shares) > 1
