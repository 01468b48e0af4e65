"""The ids of what matches a filter, if these are few."""

from __future__ import annotations

from typing import Any

from compliance.models.people.readers import Reader
from compliance.queries.deadlines.filters import DeadlineFilter
from compliance.queries.obligation_filters import add_obligation_filter
from compliance.queries.rows import Where, array, fetch

# That a party is one of an obligation: those of its deadlines that are of another obligor remain.
_OF_ANY_DEADLINE = """
o.id IN (SELECT s.obligation_id FROM compliance_obligationparty AS s
         WHERE s.capacity = '{capacity}'
           AND s.party_id = (SELECT p.id FROM compliance_party AS p WHERE p.code = %({capacity})s))
"""
_EVER_IN_STATUS = """
SELECT r.deadline_id AS id FROM compliance_ledgerentry AS r
WHERE r.status = ANY(%(statuses)s) AND r.recorded_at <= %(known_at)s AND r.effective_at <= %(as_of)s
"""
# The filters by obligation for which PostgreSQL finds no good plan if few rows match: it does not
# know how many match, or expects that each of these has as many deadlines as any other.
_POORLY_PLANNED = (
    "agreement_kind", "obligation_ref", "obligor", "obligee", "tag", "tag_any", "tag_prefix",
    "severity", "kind", "q",
)  # fmt: skip
_FEW = 200


def narrow_to_few(where: Where, wanted: DeadlineFilter, *, reader: Reader) -> bool:
    """Add the ids of what matches a filter, if it is few, and return whether.

    A list is read in its order until a page is full. If few deadlines match, all would be read.
    """
    return any((_of_few_obligations(where, wanted, reader), _few_in_status(where, wanted)))


def _of_few_obligations(where: Where, wanted: DeadlineFilter, reader: Reader) -> bool:
    if all(getattr(wanted, name) is None for name in _POORLY_PLANNED):
        return False
    inner = Where(known_at=wanted.known_at)
    add_obligation_filter(
        inner,
        wanted,
        reader=reader,
        agreement="o.agreement_id",
        of_party=_OF_ANY_DEADLINE,
        known_at=None if wanted.known_at is None else "known_at",
    )
    select = f"SELECT o.id FROM compliance_obligation AS o {inner.sql}"
    return _add_few(where, "d.obligation_id", select, inner.values)


def _few_in_status(where: Where, wanted: DeadlineFilter) -> bool:
    if wanted.as_of is None or wanted.status is None:
        return False
    values = {**where.values, "statuses": list(wanted.status)}
    return _add_few(where, "d.id", _EVER_IN_STATUS, values)


def _add_few(where: Where, column: str, select: str, values: dict[str, Any]) -> bool:
    found = fetch((select, f"LIMIT {_FEW + 1}"), values)
    if len(found) <= _FEW:
        name = f"few_{column.removeprefix('d.')}"
        ids = array(each["id"] for each in found)
        where.add(f"{column} = ANY(%({name})s::bigint[])", **{name: ids})
    return len(found) <= _FEW
