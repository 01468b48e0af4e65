"""Limits on the work of measuring deadlines, so that no question occupies the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from compliance.domain.problems import Invalid, refusal
from compliance.queries.deadlines.groupings import Group, Grouping, joins_of
from compliance.queries.rows import Where, fetch, limited_to

MEASURING_SECONDS = 15
"""How long the database may measure for one request, or one statement of it."""

MOST_ROWS = 1_000_000
"""How many rows two groupings may make of the deadlines, unless these are `MOST_PER_DEADLINE`."""

MOST_PER_DEADLINE = 4
"""How many rows of each deadline are never too many, on average."""

FILTER = "Filter, for example by agreement."
FEWER_GROUPS = "Filter, or group by one thing."
FEWER_POINTS = "Filter, or give a longer interval or a later beginning."
"""What to ask instead of something that takes too long."""

# An obligation has several of each, and two such groupings multiply.
_SEVERAL = frozenset({Grouping.OBLIGOR, Grouping.OBLIGEE, Grouping.TAG, Grouping.RESPONSIBLE})


@contextmanager
def limited(*, parameter: str, advice: str, seconds: float | None = None) -> Iterator[None]:
    """Let the statements of the block run only for some seconds each.

    Args:
        seconds: the limit; None: `MEASURING_SECONDS`.
        parameter: what to name in the refusal; empty: the whole request.
        advice: a sentence that says what to ask instead.

    Raises:
        Invalid: a statement takes longer, or more temporary files than the server allows.
    """
    limit = MEASURING_SECONDS if seconds is None else seconds
    with limited_to(limit, too_long(parameter, advice)):
        yield


def too_long(parameter: str, advice: str) -> Invalid:
    """Return the refusal of what takes the database too long."""
    return refusal(parameter, f"This takes the database too long to measure. {advice}")


def refuse_products(
    groupings: Collection[Grouping], groups: Collection[Group], *, source: str, where: Where
) -> None:
    """Refuse two groupings that would make too many rows of the deadlines.

    The deadlines of each obligation are counted before its groups multiply them, and the groups are
    read only until there are too many.

    Args:
        source: SQL for the deadlines `d`.
        where: the conditions for them and their obligations `o`.

    Raises:
        Invalid: names `group_by`.
    """
    if len(_SEVERAL.intersection(groupings)) < 2:
        return
    values: dict[str, Any] = {**where.values, "most": MOST_ROWS, "each": MOST_PER_DEADLINE}
    [found] = fetch(
        (_PRODUCT.format(source=source, where=where.sql, joins=joins_of(groups)),), values
    )
    if found["is_excessive"]:
        sentence = (
            "Each deadline counts once for each pair of its groups, which makes too many rows "
            f"(more than {MOST_ROWS:,}, and four per deadline). {FEWER_GROUPS}"
        )
        raise refusal("group_by", sentence)


_PRODUCT = """
WITH of_obligations AS MATERIALIZED (
    SELECT d.obligation_id, d.party_id, count(*) AS number
    FROM {source} JOIN compliance_obligation AS o ON o.id = d.obligation_id
    {where} GROUP BY 1, 2
),
allowed AS MATERIALIZED (
    SELECT greatest(%(most)s, %(each)s * coalesce(sum(number), 0))::bigint AS rows
    FROM of_obligations
)
SELECT coalesce(sum(number), 0) > (SELECT rows FROM allowed) AS is_excessive
FROM (SELECT d.number
      FROM of_obligations AS d JOIN compliance_obligation AS o ON o.id = d.obligation_id {joins}
      LIMIT (SELECT rows + 1 FROM allowed)) AS multiplied
"""
