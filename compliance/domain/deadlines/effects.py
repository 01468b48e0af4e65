"""Whether a fact changes the timeline that it was recorded for and, if not, why.

No fact may be ignored silently. The timeline with the fact is compared with the one without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from compliance.domain.civil_time import civil_day, displayed_zone_name
from compliance.domain.deadlines.beginnings import proven
from compliance.domain.deadlines.facts import Fact, effective_facts, order_of_effect
from compliance.domain.deadlines.positions import Position
from compliance.domain.deadlines.projection import project
from compliance.domain.deadlines.terms import Terms
from compliance.domain.deadlines.timeline import Timeline, Transition
from compliance.domain.phrases import day
from compliance.domain.vocabulary import FactKind, Reason, Status, Verdict

# Facts that set a value. If the value stays the same, they change nothing but the reason.
SETTING = frozenset({FactKind.EXTENSION, FactKind.TRIGGER, FactKind.RESTATEMENT})

# Facts that last, and of which a part may precede the obligation.
LASTING = frozenset({FactKind.VIOLATION, FactKind.SUSPENSION})

_DUE_DATES = frozenset({FactKind.EXTENSION, FactKind.TRIGGER})

# How many other facts are tried, nearest first, to find the one that overrides a fact, and how many
# facts are projected for that.
_MOST_TRIED = 20
_MOST_PROJECTED = 1_000


def without_effect(terms: Terms, facts: Sequence[Fact], fact: Fact, *, timezone: str) -> str | None:
    """Return why a fact changes nothing, or less than it says, in a sentence; otherwise None.

    A fact that supersedes another one is compared with neither of them being known.

    Args:
        facts: all facts about the deadline, including `fact`.
        timezone: the zone of the deadline, in which the days of the sentence are.

    Raises:
        ValueError: the deadline cannot be projected.
    """
    return _Comparison(terms, facts, fact, timezone).sentence()


class _Comparison:
    """The timeline of a deadline with a fact, and without it."""

    def __init__(self, terms: Terms, facts: Sequence[Fact], fact: Fact, timezone: str) -> None:
        self.fact = fact
        self.timezone = displayed_zone_name(timezone)
        effective = effective_facts(facts)
        if fact.kind is FactKind.RETRACTION:
            self.terms = terms
            self.others = [each for each in facts if each.id != fact.id]
        else:
            # That a fact moves a presumed beginning is not an effect of its own.
            self.terms = proven(terms, effective)._replace(is_start_presumed=False)
            self.others = [each for each in effective if each.id != fact.id]
        is_corrected = len(self.others) == len(effective)
        self.is_superseded = is_corrected and fact.kind is not FactKind.RETRACTION
        self.after = project(self.terms, effective)
        self.before = project(self.terms, self.others)

    def sentence(self) -> str | None:
        """Return why the fact changes nothing, or less than it says."""
        name = f"The {self.fact.kind}"
        if self.is_superseded:
            # It was meant to be corrected.
            return None
        if not self._has_effect():
            return f"{name} changes nothing: {self._reason()}"
        binds_at = self._binds_at()
        if self.fact.kind in LASTING and self.fact.effective_at < binds_at:
            is_period = binds_at > self.terms.begins_at
            words = "its period began" if is_period else "the obligation began to bind"
            return f"{name} counts only from {self._on(binds_at)}, when {words}."
        later = self._later_setting()
        if later is not None:
            words = self._named(later)
            return f"{name} changes nothing after {self._on(later.effective_at)}: {words} prevails."
        return None

    def _has_effect(self) -> bool:
        if self.fact.kind is FactKind.MEASUREMENT and any(
            each.fact_id == self.fact.id for each in self.after.transitions
        ):
            # It may confirm the value that was in force.
            return True
        return _states(self.before, self.fact) != _states(self.after, self.fact)

    def _reason(self) -> str:
        """Return why the fact changes nothing."""
        return next(self._reasons())

    def _reasons(self) -> Iterator[str]:
        fact = self.fact
        if fact.kind is FactKind.RETRACTION:
            yield f"fact {fact.supersedes} had no effect either."
        if self.terms.is_withdrawn:
            yield "the corrected due rule no longer requires this deadline."
        if fact.verdict is Verdict.UNDETERMINED:
            yield "an undetermined finding leaves the status as it is."
        binds_at = self._binds_at()
        if fact.until_at is not None and fact.until_at <= binds_at:
            ended = day(fact.until_on) if fact.until_on else self._on(fact.until_at)
            yield f"it ended on {ended}, but the obligation binds from {self._on(binds_at)}."
        state = self.before.at(max(fact.effective_at, self.terms.begins_at))
        if state is not None:
            yield from self._reasons_of_state(state)
        for other in self._nearest():
            without = [each for each in self.others if each.id != other.id]
            if _states(project(self.terms, without), fact) != _states(
                project(self.terms, [*without, fact]), fact
            ):
                yield f"{self._named(other)} prevails."
        yield "the status and the due date are the same without it."

    def _reasons_of_state(self, state: Transition) -> Iterator[str]:
        """Yield reasons that follow from the state of the deadline when the fact took effect."""
        fact, cause = self.fact, self._cause(state)
        if state.is_closed:
            on = self._on(state.effective_at)
            if state.reason is Reason.PERIOD_ENDED:
                yield f"its period had ended on {on}."
            else:
                closed = f"closed ({state.status.replace('_', ' ')}) on {on}{cause}"
                is_later = fact.effective_on is None and fact.effective_at > state.effective_at
                prevails = on == self._on(fact.effective_at) and not is_later
                rest = "which prevails on that day" if prevails else "and nothing later counts"
                yield f"the deadline was {closed}, {rest}."
        if fact.due is not None and state.due is not None and state.due.due_at == fact.due.due_at:
            yield f"it is already due on {day(state.due.due_on)}."
        if fact.kind is FactKind.RESTATEMENT and state.target == fact.quantity:
            yield "the target is already that quantity."
        if fact.kind is FactKind.VIOLATION and state.status is Status.SUSPENDED:
            yield f"the deadline was suspended then{cause}."
        is_finding = fact.kind in {FactKind.VIOLATION, FactKind.DETERMINATION}
        if is_finding and state.status is Status.DORMANT:
            yield "the period had no date yet."

    def _cause(self, state: Transition) -> str:
        return "" if state.fact_id is None else f" by fact {state.fact_id}"

    def _binds_at(self) -> datetime:
        """Return the time from which facts that last count."""
        begins_at, starts_at = self.terms.begins_at, self.terms.starts_at
        if self.fact.kind is not FactKind.VIOLATION or starts_at is None:
            return begins_at
        return max(begins_at, starts_at)

    def _nearest(self) -> list[Fact]:
        def distance(other: Fact) -> float:
            return abs((other.effective_at - self.fact.effective_at).total_seconds())

        most = min(_MOST_TRIED, 1 + _MOST_PROJECTED // (1 + len(self.others)))
        return sorted(self.others, key=distance)[:most]

    def _later_setting(self) -> Fact | None:
        """Return the fact that was recorded before this one and sets the same value later."""
        fact = self.fact
        is_value = fact.kind is FactKind.MEASUREMENT
        if (fact.kind not in SETTING and not is_value) or fact.recorded_at is None:
            return None
        last, former = self.after.transitions[-1], self.before.transitions[-1]
        if is_value and _statuses(self.after) != _statuses(self.before):
            return None
        if (last.due, last.target, last.measured) != (former.due, former.target, former.measured):
            return None
        kinds = _DUE_DATES if fact.kind in _DUE_DATES else {fact.kind}
        later = (
            each
            for each in self.others
            if each.kind in kinds
            and order_of_effect(each) > order_of_effect(fact)
            and each.recorded_at is not None
            and each.recorded_at < fact.recorded_at
        )
        return min(later, key=order_of_effect, default=None)

    def _named(self, fact: Fact) -> str:
        on = day(fact.effective_on) if fact.effective_on else self._on(fact.effective_at)
        return f"the {fact.kind} of {on} (fact {fact.id})"

    def _on(self, at: datetime) -> str:
        return day(civil_day(at, self.timezone))


def _statuses(timeline: Timeline) -> list[tuple[datetime, Status]]:
    """Return when each status begins."""
    found: list[tuple[datetime, Status]] = []
    for each in timeline.transitions:
        if not found or found[-1][1] is not each.status:
            found.append((each.effective_at, each.status))
    return found


def _states(timeline: Timeline, fact: Fact) -> list[tuple[object, ...]]:
    """Return a timeline without the facts that caused it, to be compared.

    A fact that sets a value must change the value; any other may also change only the reason.
    """
    found: list[tuple[object, ...]] = []
    for each in timeline.transitions:
        due = each.due and (each.due.due_at, each.due.unmet_at, each.due.earliest_due_at)
        reason = None if fact.kind in SETTING else each.reason
        amounts = (each.performed, each.target, each.accepted_share, each.measured)
        state = (each.status, reason, due, *amounts)
        if not found or found[-1][1:] != state:
            found.append((each.effective_at, *state))
    return found


def position_without_effect(
    positions: Sequence[Position], position: Position, *, party: str, timezone: str
) -> str | None:
    """Return why a position does not count, in a sentence; None if it does.

    Only the latest position of each party counts.

    Args:
        positions: all positions on the deadline, including `position`.
        party: the code of the party.
    """
    own = [each for each in positions if each.party_id == position.party_id]
    latest = max(own, key=lambda each: (each.stated_at, each.id))
    if latest.id == position.id:
        return None
    on = day(civil_day(latest.stated_at, displayed_zone_name(timezone)))
    return f"The position does not count: {party} stated a later one on {on}."
