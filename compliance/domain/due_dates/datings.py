"""Datings: what was known about the date of a milestone, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from compliance.domain.civil_periods import period_text, precision_between
from compliance.domain.due_dates.periods import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class Dating:
    """The date of a milestone as known from `recorded_at` on; None if it had none then.

    If each party has a date of its own, `by_party` holds these, by party code. `party` is set if it
    is the dating for one party.
    """

    ref: str
    event: Event | None
    recorded_at: datetime
    title: str = ""
    by_party: Mapping[str, Event] | None = None
    party: str = ""

    def of_party(self, party: str) -> Dating:
        """Return the dating for one party."""
        if self.by_party is None:
            return self
        return replace(self, event=self.by_party.get(party), party=party)

    @property
    def sentence(self) -> str:
        """Return the sentence of a trace, such as `Milestone M was dated 2024-03-01, …`."""
        name = f"{self.ref} of {self.party}" if self.party else self.ref
        if self.event is None:
            return f"Milestone {name} has no date, recorded {self.recorded_at:%Y-%m-%d}."
        at = self.event.at
        on, last_on = self.event.on, self.event.last_on or self.event.on
        dated = period_text(on, precision_between(on, last_on))
        if at is not None:
            dated = f"{at:%Y-%m-%d %H:%M}Z"
        return f"Milestone {name} was dated {dated}, recorded {self.recorded_at:%Y-%m-%d}."


def datings_known_at(datings: Iterable[Dating], known_at: datetime) -> dict[str, Dating]:
    """Return the dating of each milestone that was known at an instant.

    The first dating of a milestone counts as known whenever the milestone is mentioned: the rule
    that counts from it was not agreed earlier.

    Args:
        datings: in the order in which they were recorded.
    """
    found: dict[str, Dating] = {}
    for each in datings:
        if each.ref not in found or each.recorded_at <= known_at:
            found[each.ref] = each
    return found


def dating_sentences(refs: Iterable[str], datings: Mapping[str, Dating]) -> list[str]:
    """Return the sentences of a trace about the milestones that have a date, by their refs."""
    found = [datings[ref] for ref in sorted(refs) if ref in datings]
    return [each.sentence for each in found if each.event is not None]
