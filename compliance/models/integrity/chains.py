"""The stored hash chains, and the values that a seal covers."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from compliance.models.integrity.seals import Seal


def leaves(*, last_fact_id: int, last_entry_id: int) -> Iterator[bytes]:
    """Yield the leaves of a seal: each chain that is not empty, with its head at that time.

    Reads from the server in portions, so call it in a transaction. Facts of deadlines come
    first, then facts of agreements, then ledgers, each in descending order, as the indexes
    return them.
    """
    for name, statement in _HEADS:
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, {"facts": last_fact_id, "entries": last_entry_id})
            for key, head in cursor:
                yield f"{name} {key} ".encode() + bytes(head or b"")


def chained_seal(seal: Seal) -> list[object]:
    """Return the values covered by the hash of a seal."""
    return [
        seal.sealed_at,
        seal.last_fact_id,
        seal.last_entry_id,
        seal.chains,
        bytes(seal.root).hex(),
    ]


_HEADS = (
    (
        "facts of deadline",
        """
        SELECT DISTINCT ON (deadline_id) deadline_id, hash FROM compliance_fact
        WHERE deadline_id IS NOT NULL AND id <= %(facts)s
        ORDER BY deadline_id DESC, id DESC
        """,
    ),
    (
        "facts of agreement",
        """
        SELECT DISTINCT ON (agreement_id) agreement_id, hash FROM compliance_fact
        WHERE agreement_id IS NOT NULL AND id <= %(facts)s
        ORDER BY agreement_id DESC, id DESC
        """,
    ),
    (
        "ledger of deadline",
        """
        SELECT DISTINCT ON (deadline_id) deadline_id, hash FROM compliance_ledgerentry
        WHERE id <= %(entries)s
        ORDER BY deadline_id DESC, recorded_at DESC, effective_at DESC
        """,
    ),
)
