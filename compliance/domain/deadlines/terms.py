"""The terms of a deadline: what the parties agreed, and how other events change its due date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from compliance.domain.deadlines.facts import Fact
from compliance.domain.due_dates.dues import Due
from compliance.domain.vocabulary import ObligationKind, Reason, TargetBound


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """A change of terms from `at` on, caused by an event elsewhere.

    `reason` is `triggered` if the event made the deadline due, and `rescheduled` if the date that
    it counts from changed. `due` is the new due date, or None if it is no longer known. With the
    reason `component_done`, the due date stays the same, and `performed` of `target` components are
    done. With the reason `expired`, the agreement ends. `place` identifies the due date among those
    that the deadline has had (see `activations.moved_place`).
    """

    at: datetime
    due: Due | None
    reason: Reason
    performed: Decimal | None = None
    target: Decimal | None = None
    place: int = 1


class Terms(NamedTuple):
    """What the parties agreed about one deadline.

    Attributes:
        begins_at: the instant from which the deadline exists; never after `due.due_at`.
        due: when it is due. Without it the deadline is dormant, or endless if `is_endless`.
        starts_at: when a duty to maintain or refrain starts to bind; `begins_at` if None. Such a
            duty binds until `due.due_at`, without grace.
        target_quantity: what performances must add up to, or what measured values must keep to.
            Without it, any performance is complete.
        moves: changes of the terms, in order.
        is_withdrawn: the corrected rule no longer yields this deadline.
        is_start_presumed: nothing states when the deadline began, so an earlier fact shows that it
            had begun by then.
        expires_at: when the agreement expires, if the obligation does not survive that.
        target_bound: whether the target is a minimum or a maximum.
    """

    begins_at: datetime
    due: Due | None
    kind: ObligationKind = ObligationKind.ACHIEVE
    starts_at: datetime | None = None
    is_endless: bool = False
    target_quantity: Decimal | None = None
    moves: tuple[Move, ...] = ()
    is_withdrawn: bool = False
    is_start_presumed: bool = False
    expires_at: datetime | None = None
    target_bound: TargetBound = TargetBound.AT_LEAST

    @property
    def is_only_measured(self) -> bool:
        """Whether measured values alone decide about the target: performances do not add up."""
        return self.target_quantity is not None and is_only_measured(self.kind, self.target_bound)


def is_only_measured(kind: ObligationKind, bound: TargetBound) -> bool:
    """Return whether values that were measured, and no performances, decide about a target."""
    return kind is not ObligationKind.ACHIEVE or bound is TargetBound.AT_MOST


class KnownTerms(NamedTuple):
    """The terms of a deadline as known from `recorded_at` on.

    `fact_dues` are the due dates that they give to extensions and triggers, by the id of the fact.
    """

    recorded_at: datetime
    terms: Terms
    fact_dues: Mapping[int, Due] = MappingProxyType({})

    def facts_at(self, facts: Iterable[Fact], known_at: datetime) -> list[Fact]:
        """Return the facts that were known at an instant, with the due dates of these terms."""
        return [
            replace(each, due=self.fact_dues[each.id]) if each.id in self.fact_dues else each
            for each in facts
            if each.recorded_at is not None and each.recorded_at <= known_at
        ]


class KnownHistory(NamedTuple):
    """The terms of a deadline at every time, and from when on its ledger may lack something.

    Attributes:
        terms: in the order in which they became known; the first ones when the deadline did.
        since: a ledger without entries lacks everything, whatever this says.
        imported_at: when history about it was imported, if that could not be refreshed then. What
            had ended by then is not announced, and what came later becomes known at the refresh.
    """

    terms: Sequence[KnownTerms]
    since: datetime
    imported_at: datetime | None = None
