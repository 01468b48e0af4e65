"""What agreements, obligations and deadlines said before they were corrected.

The row itself says what is known now. What was known at an instant is what the first later
correction kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from compliance.queries.rows import Row, array, fetch

_INSTANTS = frozenset(
    {
        "begins_at", "starts_at", "original_due_at", "original_unmet_at",
        "original_earliest_due_at",
    }
)  # fmt: skip
_DAYS = frozenset({"original_due_on", "signed_on", "in_force_on", "ends_on", "binds_on"})
_QUANTITIES = frozenset({"target_quantity", "roll_up_share"})
# The fields of an obligation that a deadline shows.
_OF_DEADLINE = ("title", "kind", "obligors", "obligees", "unit", "target_bound")

_FORMER = """
SELECT DISTINCT ON (c.{owner}_id) c.{owner}_id AS id, c.before
FROM compliance_correction AS c
WHERE c.{owner}_id IN (SELECT unnest(%(ids)s::bigint[])) AND c.recorded_at > %(known_at)s
ORDER BY c.{owner}_id, c.recorded_at, c.id
"""
_EXTENSIONS = """
SELECT DISTINCT ON (f.deadline_id, f.due_at) f.deadline_id AS id, f.due_at,
    f.due ->> 'precision' AS precision
FROM compliance_fact AS f
WHERE f.deadline_id = ANY(%(ids)s::bigint[]) AND f.kind = 'extension' AND f.due_at IS NOT NULL
  AND f.recorded_at <= %(known_at)s
ORDER BY f.deadline_id, f.due_at, f.id DESC
"""
_RULES = "SELECT id, due FROM compliance_obligation WHERE id = ANY(%(ids)s::bigint[])"


def former_agreements(ids: Sequence[int], known_at: datetime | None) -> dict[int, Row]:
    """Return the fields that agreements had at `known_at`, for those corrected since."""
    return _former("agreement", ids, known_at)


def former_obligations(ids: Sequence[int], known_at: datetime | None) -> dict[int, Row]:
    """Return the fields that obligations had at `known_at`, for those corrected since."""
    return _former("obligation", ids, known_at)


def former_terms(ids: Sequence[int], known_at: datetime | None) -> dict[int, Row]:
    """Return the terms that deadlines had at `known_at`, for those corrected since."""
    return _former("deadline", ids, known_at)


def restore_deadlines(rows: Sequence[Row], known_at: datetime | None) -> None:
    """Give rows of deadlines the terms, and the fields of their obligations, known at `known_at`.

    Only the fields that the rows have are replaced.
    """
    if known_at is None or not rows:
        return
    terms = former_terms([each["id"] for each in rows], known_at)
    obligations = former_obligations(list({each["obligation"] for each in rows}), known_at)
    is_any_corrected = bool(terms or obligations)
    for row in rows if is_any_corrected else ():
        replace_fields(row, terms.get(row["id"], {}))
        before = obligations.get(row["obligation"], {})
        kept = {"obligors"} if row.get("party") else set()
        names = (name for name in _OF_DEADLINE if name in before and name not in kept)
        replace_fields(row, {name: before[name] for name in names})
    _restore_precisions(rows, known_at, terms=terms, obligations=obligations)


def _restore_precisions(
    rows: Sequence[Row],
    known_at: datetime,
    *,
    terms: Mapping[int, Row],
    obligations: Mapping[int, Row],
) -> None:
    """Give rows of deadlines the precision of the due dates that were known at `known_at`.

    The statement of a list compares with the current rule and knows all extensions.
    """
    dated = [each for each in rows if each["due_at"] is not None]
    moved = [each for each in dated if each["due_at"] != each["original_due_at"]]
    ids = [each["id"] for each in moved]
    ids += [each["id"] for each in dated if each["id"] in terms] if terms else []
    values = {"ids": ids, "known_at": known_at}
    found = fetch((_EXTENSIONS,), values) if ids else []
    extended = {(each["id"], each["due_at"]): each["precision"] for each in found}
    wanted = [each["obligation"] for each in dated if each["id"] in terms] if terms else []
    rules = (
        {each["id"]: each["due"] for each in fetch((_RULES,), {"ids": wanted})} if wanted else {}
    )
    rules |= {pk: before["due"] for pk, before in obligations.items() if "due" in before}
    for row in dated if rules else moved:
        if row["due_at"] != row["original_due_at"]:
            row["due_precision"] = extended.get((row["id"], row["due_at"])) or "day"
        elif row["obligation"] in rules:
            row["due_precision"] = (rules[row["obligation"]] or {}).get("precision") or "day"


def replace_fields(row: Row, before: Mapping[str, Any]) -> None:
    """Replace those fields of a row that a correction kept."""
    row |= {name: value for name, value in before.items() if name in row}


def _former(owner: str, ids: Sequence[int], known_at: datetime | None) -> dict[int, Row]:
    if known_at is None or not ids:
        return {}
    found = fetch((_FORMER.format(owner=owner),), {"ids": array(ids), "known_at": known_at})
    return {
        each["id"]: {name: _value(name, value) for name, value in each["before"].items()}
        for each in found
    }


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    if name in _DAYS:
        return date.fromisoformat(value)
    return Decimal(value) if name in _QUANTITIES else value
