"""SQL for the ids and hashes that a tombstone keeps of the rows of append-only tables."""

from __future__ import annotations

from collections.abc import Iterable

# The rows of the chains, and of the other append-only tables, which are hashed here.
_CHAIN = """
    SELECT '{table}' AS table_name, '{key}' AS chain, r.{key} AS key,
        array_agg(r.id ORDER BY {order}) AS ids,
        array_agg(coalesce(r.hash, ''::bytea) ORDER BY {order}) AS hashes
    FROM {table} AS r
    WHERE r.id = ANY(%({table})s::bigint[]) AND r.{key} IS NOT NULL GROUP BY r.{key}
"""
_UNCHAINED = """
    SELECT '{table}', '', NULL, array_agg(r.id ORDER BY r.id),
        array_agg(sha256(convert_to(to_jsonb(r)::text, 'UTF8')) ORDER BY r.id)
    FROM {table} AS r WHERE r.id = ANY(%({table})s::bigint[]) HAVING count(*) > 0
"""
_CHAINED = ("compliance_fact", "compliance_ledgerentry")


def select_removed(tables: Iterable[str]) -> str:
    """Return SQL for the ids and hashes of the rows of append-only tables."""
    ledger = "r.recorded_at, r.effective_at"
    parts = [
        _CHAIN.format(table="compliance_fact", key="deadline_id", order="r.id"),
        _CHAIN.format(table="compliance_fact", key="agreement_id", order="r.id"),
        _CHAIN.format(table="compliance_ledgerentry", key="deadline_id", order=ledger),
        *(_UNCHAINED.format(table=each) for each in tables if each not in _CHAINED),
    ]
    return f"SELECT * FROM ({' UNION ALL '.join(parts)}) AS removed ORDER BY table_name, chain, key"
