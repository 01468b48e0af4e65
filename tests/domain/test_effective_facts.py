"""Which facts count: corrections, corrections of corrections, and retractions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.domain.deadlines.facts import Fact, effective_facts
from compliance.domain.vocabulary import FactKind

RETRACTION = FactKind.RETRACTION


def facts(*links: tuple[FactKind, int | None]) -> list[Fact]:
    """Return facts with the ids 1, 2, ..., each with what it supersedes."""
    return [
        Fact(id=number, kind=kind, effective_at=datetime(2026, 1, 1, tzinfo=UTC), supersedes=target)
        for number, (kind, target) in enumerate(links, start=1)
    ]


def counting(*links: tuple[FactKind, int | None]) -> list[int]:
    return [each.id for each in effective_facts(facts(*links))]


PERFORMED = FactKind.PERFORMANCE


@pytest.mark.parametrize(
    ("links", "effective"),
    [
        ([(PERFORMED, None), (PERFORMED, 1)], [2]),
        ([(PERFORMED, None), (PERFORMED, 1), (PERFORMED, 2)], [3]),
        ([(PERFORMED, None), (PERFORMED, 1), (PERFORMED, 2), (PERFORMED, 3)], [4]),
        ([(PERFORMED, None), (PERFORMED, 1), (RETRACTION, 2)], [1]),
        ([(PERFORMED, None), (PERFORMED, 1), (PERFORMED, 2), (RETRACTION, 3)], [2]),
        ([(PERFORMED, None), (PERFORMED, 1), (RETRACTION, 2), (PERFORMED, 1)], [4]),
        ([(PERFORMED, None), (RETRACTION, 1), (RETRACTION, 2)], [1]),
        ([(PERFORMED, None), (RETRACTION, 1), (PERFORMED, 2)], [3]),
    ],
)  # fmt: skip
def test_what_was_replaced_counts_again_only_when_its_replacement_is_retracted(
    links: list[tuple[FactKind, int | None]], effective: list[int]
) -> None:
    assert counting(*links) == effective


@given(st.lists(st.booleans(), max_size=30))
def test_of_a_chain_of_corrections_exactly_one_counts(retracts: list[bool]) -> None:
    links: list[tuple[FactKind, int | None]] = [(PERFORMED, None)]
    standing = [1]
    for is_retraction in retracts:
        is_taken_back = is_retraction and len(standing) > 1
        links.append((RETRACTION if is_taken_back else PERFORMED, standing[-1]))
        if is_taken_back:
            standing.pop()
        else:
            standing.append(len(links))
        assert counting(*links) == standing[-1:]
