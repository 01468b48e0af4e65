"""The due dates that extensions and triggers set by a rule."""

from __future__ import annotations

from collections.abc import Iterable

from compliance.domain.deadlines.recorded_dues import extended_due, triggered_due
from compliance.domain.deadlines.snapshots import ObligationSnapshot
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.dues import Due
from compliance.domain.due_dates.periods import Event
from compliance.domain.vocabulary import FactKind
from compliance.models import Deadline
from compliance.operations.deadlines import schedule_inputs

SETTING_DATES = frozenset({FactKind.EXTENSION, FactKind.TRIGGER})
"""The kinds of facts that set a due date by a rule."""


class Snapshots:
    """The snapshots of obligations by id, loaded together when the first of them is needed."""

    def __init__(self, obligation_ids: Iterable[int]) -> None:
        self._ids = set(obligation_ids)
        self._found: dict[int, ObligationSnapshot] | None = None

    def of(self, deadline: Deadline) -> ObligationSnapshot:
        """Return the snapshot of the obligation of a deadline, which must be one of these.

        Raises:
            ValueError: a stored rule cannot be read.
        """
        if self._found is None:
            inputs = schedule_inputs.load(self._ids)
            self._found = {each.pk: inputs.snapshot(each) for each in inputs.obligations}
        return self._found[deadline.obligation_id]


def due_of_extension(deadline: Deadline, rule: DueRule, snapshots: Snapshots) -> Due:
    """Return when `deadline` is due by the rule of an extension.

    Raises:
        Invalid: the rule cannot be resolved, or has no date yet (at `due`).
    """
    return extended_due(snapshots.of(deadline), deadline.number, rule, deadline.timezone)


def due_of_trigger(deadline: Deadline, event: Event, snapshots: Snapshots) -> Due:
    """Return when `deadline` is due if the event that it waits for happened at `event`.

    Raises:
        Invalid: its rule waits for nothing (at `type`), or cannot be resolved.
    """
    return triggered_due(snapshots.of(deadline), deadline.number, event)
