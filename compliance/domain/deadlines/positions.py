"""What the parties say of a deadline, and whether they contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from compliance.domain.vocabulary import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """One party's word on one deadline. `stated_at` is when it was said."""

    party_id: int
    verdict: Verdict
    stated_at: datetime
    id: int


def is_disputed(positions: Iterable[Position]) -> bool:
    """Whether the latest words of the parties differ. Positions never set the status."""
    latest: dict[int, Position] = {}
    for position in sorted(positions, key=lambda each: (each.stated_at, each.id)):
        latest[position.party_id] = position
    return len({position.verdict for position in latest.values()}) > 1
