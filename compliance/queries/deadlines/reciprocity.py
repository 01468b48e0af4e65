"""What two parties owe each other, who performed first, and how much later the other did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from compliance.domain.fields import PartyCode, all_different
from compliance.domain.formats import ALL_DIFFERENT
from compliance.domain.limits import AtMost
from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import DeadlineFilter, conditions, source
from compliance.queries.deadlines.groupings import Group, joins_of
from compliance.queries.deadlines.measures import (
    OF_NOTHING,
    Measure,
    Measures,
    known_zone,
    measured,
    server_zones,
)
from compliance.queries.deadlines.measuring_limits import FILTER, limited
from compliance.queries.deadlines.summary import matched
from compliance.queries.filters import DIGITS, Listed
from compliance.queries.known_fields import corrected
from compliance.queries.pages import Exportable
from compliance.queries.rows import Row, Where, fetch


class ReciprocityFilter(DeadlineFilter, Exportable):
    """The two parties, filters, and measures of what each owes the other."""

    parties: Annotated[
        tuple[PartyCode, ...],
        AtMost(2),
        Field(min_length=2, description="The codes of two parties."),
        AfterValidator(all_different),
        ALL_DIFFERENT,
        Listed,
    ]
    measures: Measures = (Measure.COUNT, Measure.STATUSES, Measure.COMPLIANCE_RATE, Measure.OPEN)
    limit: Annotated[
        int, Field(ge=1, le=1_000, description="How many agreements, in order of ref."), DIGITS
    ] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Reciprocity:
    """What each party owes by agreement and all together, and how many agreements there are.

    Each agreement has a row for each party, in the order of the question.
    """

    rows: list[Row]
    together: list[Row]
    total: int


def reciprocity(question: ReciprocityFilter, *, reader: Reader, now: datetime) -> Reciprocity:
    """Return what each of two parties owes the other, by agreement and in total.

    A party has performed from the day on which the first deadline to achieve something was met, on
    time or late. Each day is that of the zone of its deadline.

    Raises:
        Invalid: this takes too long.
    """
    where = conditions(question, reader=reader, now=now)
    where.values |= {
        "at": question.as_of or now,
        "one": question.parties[0],
        "other": question.parties[1],
        "limit": question.limit,
        "server_zones": server_zones(),
    }
    side = _SIDES if question.known_at is None else _SIDES_THEN
    party = Group("side.obligor", (side,))
    with limited(parameter="", advice=FILTER):
        by_agreement = _measured(question, Group("a.ref", (side, _AGREEMENT)), party, where=where)
        together = _measured(question, Group("''", (side,)), party, where=where)
    of_agreements = defaultdict(list)
    for each in by_agreement:
        of_agreements[each["g1"]].append(each)
    return Reciprocity(
        rows=[
            {"agreement": ref, **row}
            for ref, found in of_agreements.items()
            for row in _sides_of(found, question)
        ],
        together=_sides_of(together, question),
        total=by_agreement[0]["total"] if by_agreement else 0,
    )


def _measured(
    question: ReciprocityFilter, group: Group, party: Group, *, where: Where
) -> list[Row]:
    """Return the measures and the first performance of each party in each group."""
    found = matched(question, [group, party], question.measures, where=where)
    statement = _BY_SIDE.format(
        measured=measured(found, question.measures, is_past=question.as_of is not None),
        group=group.name,
        source=source(question),
        joins=joins_of([group, party]),
        where=where.sql or "WHERE TRUE",
    )
    return fetch((statement,), where.values)


def _sides_of(found: Sequence[Row], question: ReciprocityFilter) -> list[Row]:
    """Return a row for each party; `found` lacks those who owe nothing."""
    by_party = {each["g2"]: each for each in found}
    names = [each.value for each in question.measures]
    sides = []
    for obligor, obligee in (question.parties, question.parties[::-1]):
        row = by_party.get(obligor, {})
        parties = {"obligor": obligor, "obligee": obligee, "performed_on": row.get("performed_on")}
        sides.append({**parties, **{each: row.get(each, OF_NOTHING.get(each)) for each in names}})
    first = _who_was_first(sides)
    return [{**each, **first, **{name: each[name] for name in names}} for each in sides]


def _who_was_first(sides: Sequence[Row]) -> Row:
    performed = sorted(
        (each["performed_on"], each["obligor"]) for each in sides if each["performed_on"]
    )
    if not performed:
        return {"first": None, "lag_days": None}
    lag = (performed[-1][0] - performed[0][0]).days if len(performed) == 2 else None
    # On the same day, neither was first: most performances are known by their day.
    return {"first": None if lag == 0 else performed[0][1], "lag_days": lag}


_AGREEMENT = "JOIN compliance_agreement AS a ON a.id = d.agreement_id"


def _sides(side: str) -> str:
    both = " UNION ALL ".join(
        side.format(obligor=obligor, obligee=obligee)
        for obligor, obligee in (("one", "other"), ("other", "one"))
    )
    return f"""
    JOIN ({both}) AS side ON side.obligation_id = d.obligation_id
     AND (d.party_id IS NULL OR d.party_id = side.obligor_id)
    """


_SIDE = """
SELECT s.obligation_id, s.party_id AS obligor_id, %({obligor})s::text AS obligor
FROM compliance_obligationparty AS s
JOIN compliance_obligationparty AS t
  ON t.obligation_id = s.obligation_id AND t.capacity = 'obligee'
 AND t.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %({obligee})s)
WHERE s.capacity = 'obligor'
  AND s.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %({obligor})s)
"""
_SIDES = _sides(_SIDE)
# The same as known then: of an obligation that was corrected since, its parties before.
_SIDES_THEN = _sides(f"""
{_SIDE} AND s.obligation_id NOT IN (SELECT f.id FROM {corrected("obligation")} AS f)
UNION ALL
SELECT f.id, (SELECT p.id FROM compliance_party AS p WHERE p.code = %({{obligor}})s),
    %({{obligor}})s::text
FROM {corrected("obligation")} AS f
WHERE f.before -> 'obligors' ? %({{obligor}})s AND f.before -> 'obligees' ? %({{obligee}})s
""")
_DAY = f"(d.status_since AT TIME ZONE {known_zone('d.timezone')})::date"
_BY_SIDE = f"""
WITH performed AS (
    SELECT ({{group}})::text AS g1, side.obligor AS g2, min({_DAY}) AS performed_on
    FROM {{source}} JOIN compliance_obligation AS o ON o.id = d.obligation_id
    {{joins}} {{where}} AND d.status IN ('met', 'met_late') AND o.kind = 'achieve'
    GROUP BY 1, 2
)
SELECT * FROM (
    SELECT ranked.*, max(place) OVER () AS total
    FROM (
        SELECT found.*, p.performed_on, dense_rank() OVER (ORDER BY found.g1) AS place
        FROM ({{measured}}) AS found
        LEFT JOIN performed AS p ON p.g1 = found.g1 AND p.g2 = found.g2) AS ranked
) AS counted
WHERE place <= %(limit)s ORDER BY place
"""
