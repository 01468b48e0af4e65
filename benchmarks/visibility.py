"""Measure what it costs to hide agreements, compared with the same reads without any barrier.

`python -m benchmarks.visibility [STORED]` fills a temporary database (1M deadlines by default, ten
thousand per agreement) and reserves every fifth agreement for a team. An analyst of another team
then reads the first page of the deadlines by due date and by `-status_since`, the page of one
agreement, the summary by status, and a bare count: with row-level security, with the predicate
`visible_to`, and with both. The floor is the same read without either.

The second table is for those from whom nothing is hidden, such as the sweep, if Pacta connects as
the owner of the tables: the policies are evaluated, but hide nothing. As a superuser, the sweep
passes no policy at all. Its own cost is measured with sweeps of 20k due deadlines as each role.

Each figure is the median of several rounds, measured in the functions behind the API. Ratios
are times of the floor: 1 is free.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks import execute, expect, throwaway_database
from benchmarks.sweep import FAR_DUE_AT, FIRST_DUE_AT, fill

PORTION = 50_000
MOST_DUE = 20_000
ROUNDS = 9
SWEEPS = 3
OWNER = "pacta_benchmark_owner"

Read = Callable[[Any], object]


def main(stored: int) -> None:
    """Fill the database, measure, and print the results."""
    due = min(MOST_DUE, stored // 10)
    with throwaway_database():
        for first in range(0, stored, PORTION):
            due_at = FAR_DUE_AT + timedelta(minutes=first // PORTION)
            fill(first, min(PORTION, stored - first), due_at)
        analyst = _reserve()
        first = stored
        instants = [FIRST_DUE_AT + timedelta(hours=number) for number in range(2 * SWEEPS + 2)]
        for due_at in instants:
            fill(first, due, due_at)
            first += due
        execute("VACUUM ANALYZE")
        agreements = execute("SELECT count(*) FROM compliance_agreement")[0][0]
        print(f"{first:,} deadlines, {agreements:,} agreements, every fifth hidden", flush=True)
        _measure_analyst(analyst)
        _measure_owner(instants, due)


def _reserve() -> Any:
    """Reserve every fifth agreement for a team, and return a reader of another team."""
    from compliance.models import Agreement, AgreementTeam, Membership, Team, User
    from compliance.models.people.readers import reader_of

    asia, europe = (
        Team.objects.create(slug=each, name=each.title()) for each in ("asia", "europe")
    )
    for each in Agreement.objects.all():
        if each.pk % 5 == 0:
            AgreementTeam.objects.create(agreement=each, team=asia)
            Agreement.objects.filter(pk=each.pk).update(visibility="teams")
    analyst = User.objects.create_user("analyst@example.org")
    Membership.objects.create(user=analyst, team=europe)
    return reader_of(analyst)


def _reads() -> Mapping[str, Read]:
    """Return each read by name. It takes the reader whom the predicate limits."""
    from compliance.models import Deadline
    from compliance.models.visibility import visible_to
    from compliance.queries.deadlines.deadlines import DeadlineListing, listed
    from compliance.queries.deadlines.summary import SummaryFilter, summary

    now = datetime.now(UTC)

    def page(**asked: Any) -> Read:
        listing = DeadlineListing(**asked)

        def read(reader: Any) -> None:
            expect(len(listed(listing, reader=reader, now=now).rows), 100, "rows of a page")

        return read

    return {
        "list": page(),
        "list by -status_since": page(ordering="-status_since"),
        "list of an agreement": page(agreement="agreement-1"),
        "summary": lambda reader: summary(SummaryFilter(), reader=reader, now=now),
        "count": lambda reader: visible_to(Deadline.objects.all(), reader).count(),
    }


def _measure_analyst(analyst: Any) -> None:
    from compliance.models.people.readers import SYSTEM

    ways = {
        "floor": (SYSTEM, SYSTEM),
        "row security": (SYSTEM, analyst),
        "predicate": (analyst, SYSTEM),
        "both": (analyst, analyst),
    }
    print("An analyst from whom every fifth agreement is hidden")
    _print_ways({name: _as_reader(*readers) for name, readers in ways.items()})


def _as_reader(by_predicate: Any, by_policy: Any) -> Callable[[Read], None]:
    from compliance.models.people.readers import reading_as

    def run(read: Read) -> None:
        with reading_as(by_policy):
            read(by_predicate)

    return run


def _measure_owner(instants: list[datetime], due: int) -> None:
    from compliance.models.people.readers import SYSTEM
    from compliance.operations.deadlines import sweep

    execute(_OWN.replace("{owner}", OWNER))

    def swept(due_at: datetime) -> None:
        expect(sweep.run(as_of=due_at).counts["refreshed"], due, "deadlines swept")

    def measure(role_instants: list[datetime]) -> list[float]:
        times = [_median(partial(read, SYSTEM)) for read in _reads().values()]
        swept(role_instants[0])  # warms up
        sweeps = [_timed(partial(swept, each)) for each in role_instants[1:]]
        return [*times, statistics.median(sweeps)]

    # One role after the other: a change of the role makes PostgreSQL plan everything again.
    superuser = measure(instants[: SWEEPS + 1])
    with _connected_as(OWNER):
        owner = measure(instants[SWEEPS + 1 :])
    print("The system, if Pacta connects as the owner of the tables")
    print(f"  {'':<24}{'superuser':>14}{'owner':>14} ratio")
    names = [*_reads(), f"sweep of {due:,}"]
    for name, floor, ours in zip(names, superuser, owner, strict=True):
        print(f"  {name:<24}{floor * 1000:>11,.1f} ms{ours * 1000:>11,.1f} ms{ours / floor:>6.2f}")


def _median(action: Callable[[], object]) -> float:
    action()
    return statistics.median(_timed(action) for _ in range(ROUNDS))


_OWN = """
CREATE ROLE {owner} LOGIN;
GRANT USAGE, CREATE ON SCHEMA public TO {owner};
DO $$ DECLARE each text; BEGIN
    FOR each IN SELECT format('ALTER TABLE %I OWNER TO {owner}', relname) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    LOOP EXECUTE each; END LOOP;
END $$
"""


@contextmanager
def _connected_as(role: str) -> Iterator[None]:
    from django.db import connection

    wrapper: Any = connection
    execute(f"SET SESSION AUTHORIZATION {role}")
    wrapper.recognize_role()
    try:
        yield
    finally:
        execute("RESET SESSION AUTHORIZATION")
        wrapper.recognize_role()


def _print_ways(ways: Mapping[str, Callable[[Read], None]]) -> None:
    """Print the time of each read in each way, and the ratio to the first way."""
    print(f"  {'':<22}" + "".join(f"{name:>14}{'':>6}" for name in ways))
    for name, read in _reads().items():
        times: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(ROUNDS + 1):
            for way, run in ways.items():
                began = time.perf_counter()
                run(read)
                if number:  # the first round warms up
                    times[way].append(time.perf_counter() - began)
        medians = [statistics.median(found) for found in times.values()]
        cells = (f"{each * 1000:>11,.1f} ms{each / medians[0]:>6.2f}" for each in medians)
        print(f"  {name:<22}{''.join(cells)}", flush=True)


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
