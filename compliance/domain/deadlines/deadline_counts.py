"""How many deadlines new obligations would have, counted before any of them is created."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from compliance.domain.deadlines.dependencies import referenced_obligations
from compliance.domain.due_dates.due_rules import DueRule
from compliance.domain.due_dates.rule_types import RecurrenceRule


def has_own_dates(due: DueRule | None) -> bool:
    """Return whether a rule has the same deadlines whatever the start of the period counts from."""
    return isinstance(due, RecurrenceRule) and isinstance(due.start, date)


def source_of(due: DueRule | None, starts: DueRule | None) -> str | None:
    """Return the ref of the obligation whose deadlines a rule counts from, one by one."""
    if has_own_dates(due):
        return None
    refs = [*referenced_obligations(due), *referenced_obligations(starts)]
    return refs[0] if refs else None


def deadline_counts(
    own: Mapping[str, int], sources: Mapping[str, str | None], stored: Mapping[str, int]
) -> Iterator[tuple[str, int]]:
    """Yield the ref of each new obligation with the number of its deadlines.

    An obligation that counts from another one has deadlines for each deadline of that one, so long
    chains can multiply.

    Args:
        own: how many deadlines each new obligation has for one deadline of its source.
        sources: the obligation that each new one counts from, without cycles.
        stored: how many deadlines stored obligations have.
    """
    known = dict(stored)
    for ref in own:
        chain = [ref]
        while (source := sources.get(chain[-1])) is not None and source in own:
            if source in known:
                break
            chain.append(source)
        for each in reversed(chain):
            source = sources.get(each)
            # A source without deadlines may have one when its own event happens.
            known[each] = own[each] * (1 if source is None else max(1, known.get(source, 1)))
        yield ref, known[ref]
