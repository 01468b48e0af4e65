"""The stored hash chains, and the values that a seal covers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter

from django.db import connection

from compliance.models.integrity.seals import Seal
from compliance.models.integrity.tombstones import RemovedRows


def leaves(
    *, last_fact_id: int, last_entry_id: int, removed: Sequence[RemovedRows] = ()
) -> Iterator[bytes]:
    """Yield the leaves of a seal: each chain that is not empty, with its head at that time.

    `removed` are rows that existed when the seal was created and were purged since: whole chains,
    or some facts of a chain.

    Reads from the server in portions, so call it in a transaction. Facts of deadlines come
    first, then facts of agreements, then ledgers, each in descending order, as the indexes
    return them.
    """
    for name, table, chain, statement in _HEADS:
        last = last_fact_id if table == "compliance_fact" else last_entry_id
        purged = sorted(
            (
                (each.key, *head)
                for each in removed
                if (each.table_name, each.chain) == (table, chain)
                and (head := _head_at(each, last)) is not None
            ),
            reverse=True,
        )
        with connection.chunked_cursor() as cursor:
            cursor.execute(statement, {"facts": last_fact_id, "entries": last_entry_id})
            heads = merge(cursor, purged, key=itemgetter(0), reverse=True)
            for key, several in groupby(heads, key=itemgetter(0)):
                yield f"{name} {key} ".encode() + _latest(several)


def _latest(heads: Iterable[tuple[int, int, bytes | None]]) -> bytes:
    """Return the hash of the last row among what is stored and what was purged of a chain."""
    _, _, head = max(heads, key=itemgetter(1))
    return bytes(head or b"")


def chained_seal(seal: Seal) -> list[object]:
    """Return the values covered by the hash of a seal."""
    values: list[object] = [
        seal.sealed_at,
        seal.last_fact_id,
        seal.last_entry_id,
        seal.chains,
        bytes(seal.root).hex(),
    ]
    # Most seals precede every purge, and their hash must not change.
    if seal.last_tombstone_id is not None or seal.tombstone_hash is not None:
        values += [seal.last_tombstone_id, bytes(seal.tombstone_hash or b"").hex()]
    return values


def _head_at(chain: RemovedRows, last_id: int) -> tuple[int, bytes] | None:
    """Return the id and hash of the last purged row of a chain up to an id. None: there is none."""
    known = [each for each in zip(chain.ids, chain.hashes, strict=True) if each[0] <= last_id]
    return (known[-1][0], bytes(known[-1][1])) if known else None


_HEADS = (
    (
        "facts of deadline",
        "compliance_fact",
        "deadline_id",
        """
        SELECT DISTINCT ON (deadline_id) deadline_id, id, hash FROM compliance_fact
        WHERE deadline_id IS NOT NULL AND id <= %(facts)s
        ORDER BY deadline_id DESC, id DESC
        """,
    ),
    (
        "facts of agreement",
        "compliance_fact",
        "agreement_id",
        """
        SELECT DISTINCT ON (agreement_id) agreement_id, id, hash FROM compliance_fact
        WHERE agreement_id IS NOT NULL AND id <= %(facts)s
        ORDER BY agreement_id DESC, id DESC
        """,
    ),
    (
        "ledger of deadline",
        "compliance_ledgerentry",
        "deadline_id",
        """
        SELECT DISTINCT ON (deadline_id) deadline_id, id, hash FROM compliance_ledgerentry
        WHERE id <= %(entries)s
        ORDER BY deadline_id DESC, recorded_at DESC, effective_at DESC
        """,
    ),
)
