"""Where the time of a sweep and of its floor goes, in microseconds per deadline.

The phases of the sweep are timed without overlap: each statement is waited for, so that its time
shows. Their sum is therefore more than the sweep takes. Timing itself adds about one microsecond
to each decision.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

from benchmarks import execute


class Phases:
    """The seconds spent in each phase, not counting the phases within it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = ["everything else"]
        self._since = time.perf_counter()

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, timed as a phase."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._charge()
            self._open.append(phase)
            try:
                return function(*arguments, **named)
            finally:
                self._charge()
                self._open.pop()

        return call

    def _charge(self) -> None:
        now = time.perf_counter()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    def print(self, deadlines: int) -> None:
        """Print each phase, the longest first."""
        self._charge()
        for phase, seconds in sorted(self.seconds.items(), key=lambda each: -each[1]):
            print(f"  {seconds / deadlines * 1e6:>6.1f}  {phase}")
        print(f"  {sum(self.seconds.values()) / deadlines * 1e6:>6.1f}  in all", flush=True)


@contextmanager
def phases_of_the_sweep() -> Iterator[Phases]:
    """Time the phases of every sweep within the block, one statement after the other."""
    from django.db import connection

    from compliance.models import bulk
    from compliance.operations.alerts import alerts
    from compliance.operations.deadlines import batches, breach_rows, deadline_rows, ledger_rows

    phases = Phases()
    steps: list[tuple[object, str, str]] = [
        (deadline_rows, "claim_due", "claim and read the deadlines"),
        (batches, "load", "load facts, ledger and policies"),
        (batches, "decide", "decide, and hash the ledger"),
        (bulk, "array", "encode rows"),
        (deadline_rows, "update", "write deadlines"),
        (breach_rows, "insert", "write breaches"),
        (alerts, "create", "write alerts"),
        (ledger_rows, "append", "write the ledger"),
        (connection, "_commit", "check foreign keys and commit"),
    ]
    with ExitStack() as patches:
        for owner, name, phase in steps:
            timed = phases.timed(phase, getattr(owner, name))
            patches.enter_context(mock.patch.object(owner, name, timed))
        patches.enter_context(mock.patch.object(batches, "overlapping", nullcontext))
        yield phases


def print_floor(statement: str, parameters: dict[str, Any], deadlines: int) -> None:
    """Run the statement of the floor, and print what its parts and triggers cost."""
    from django.db import transaction

    with transaction.atomic():
        # Otherwise the foreign keys would be checked by the commit, which EXPLAIN does not include.
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        [[found]] = execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    [plan] = json.loads(found) if isinstance(found, str) else found
    triggers = {each["Constraint Name"]: each["Time"] for each in plan["Triggers"]}
    rows = {f"foreign key {name}": spent for name, spent in triggers.items()}
    rows["tables, indexes and check constraints"] = plan["Execution Time"] - sum(triggers.values())
    for name, spent in sorted(rows.items(), key=lambda each: -each[1]):
        print(f"  {spent / deadlines * 1e3:>6.1f}  {name}")
    print(f"  {plan['Execution Time'] / deadlines * 1e3:>6.1f}  in all", flush=True)
