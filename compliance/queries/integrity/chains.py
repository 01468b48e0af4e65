"""Checks of hash chains: whether each row follows from the row before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from compliance.domain.integrity.chains import link
from compliance.models import Fact, RemovedRows, Seal
from compliance.models.bulk import fetch
from compliance.models.deadlines.facts import chained_fact
from compliance.models.deadlines.ledger import chained_entry
from compliance.queries.integrity.findings import BATCH, CHANGED, BadRow, Findings, snapshot

_UNCHAINED = "It has no hash: it was added outside its chain."
_CUT_OFF = "The chain continued after this row: its end was removed."
_AFTER_THE_END = "It was added after the end of its chain."
_EMPTY = "Its chain has a head but no rows: all of them were removed."


class Link(NamedTuple):
    """A row of a chain. `values` is None if it was purged: then only its hash is known."""

    id: int
    hash: bytes | None
    values: list[object] | None


Purged = Mapping[tuple[str, int], Sequence[Link]]
"""The purged facts of chains, by what a chain belongs to and its id."""


NONE_PURGED: Purged = MappingProxyType({})


def purged_facts(removed: Iterable[RemovedRows]) -> Purged:
    """Return the facts that genuine tombstones list, by chain."""
    found: dict[tuple[str, int], list[Link]] = defaultdict(list)
    for each in removed:
        if each.table_name == "compliance_fact" and each.key is not None:
            found[each.chain, each.key] += [
                Link(pk, bytes(hash_), None)
                for pk, hash_ in zip(each.ids, each.hashes, strict=True)
            ]
    return found


def check_agreements(
    findings: Findings,
    *,
    agreement_ids: Collection[int] | None = None,
    purged: Purged = NONE_PURGED,
) -> None:
    """Check the fact chains of all agreements, or of the given ones."""
    after = 0
    wanted = None if agreement_ids is None else list(agreement_ids)
    is_sealed = Seal.objects.exists()
    while True:
        with snapshot():
            heads = dict(fetch(_AGREEMENTS, after=after, ids=wanted, limit=BATCH))
            if not heads:
                return
            chains = fact_chains("agreement_id", list(heads), purged)
        for pk, head in heads.items():
            findings.facts += sum(each.values is not None for each in chains[pk])
            if bad := first_bad(chains[pk], head, is_sealed=is_sealed):
                row_id, detail = bad
                findings.add(
                    BadRow(table="compliance_fact", id=row_id, agreement=pk, detail=detail)
                )
        after = max(heads)


def first_bad(
    chain: Sequence[Link], head: bytes | None, *, is_sealed: bool
) -> tuple[int | None, str] | None:
    """Return the first row that does not follow from the previous ones, and its problem.

    Chains are in the order of ids, so a row that was moved does not follow from the one before it.
    """
    last: bytes | None = None
    for each in chain:
        if each.values is None:
            last = each.hash
            continue
        if each.hash is None:
            # Before the first seal there may be rows older than the chains.
            if last is None and not is_sealed:
                continue
            return each.id, _UNCHAINED
        if each.hash != link(last, each.values):
            return each.id, CHANGED
        last = each.hash
    if last == head:
        return None
    if not chain:
        return None, _EMPTY
    hashes = [each.hash for each in chain]
    if head is None or head in hashes:
        place = 0 if head is None else hashes.index(head) + 1
        return chain[place].id, _AFTER_THE_END
    return chain[-1].id, _CUT_OFF


def fact_chains(key: str, ids: Sequence[int], purged: Purged) -> dict[int, list[Link]]:
    """Return the fact chains by the id of their deadline or agreement, with the purged facts."""
    found: dict[int, list[Link]] = defaultdict(list)
    facts = Fact.objects.filter(**{f"{key}__in": ids}).order_by(key, "id").values()
    rows: list[Any] = list(facts)
    evidence: dict[int, list[int]] = defaultdict(list)
    for fact_id, evidence_id in fetch(_EVIDENCE_OF, ids=[row["id"] for row in rows]):
        evidence[fact_id].append(evidence_id)
    for row in rows:
        stored = None if row["hash"] is None else bytes(row["hash"])
        values = chained_fact(row, evidence[row["id"]])
        found[row[key]].append(Link(id=row["id"], hash=stored, values=values))
    for pk in ids:
        if (key, pk) in purged:
            found[pk] = sorted([*found[pk], *purged[key, pk]])
    return found


def ledger_chains(ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for values in fetch(_LEDGER_OF, ids=ids):
        row = dict(zip(_LEDGER_COLUMNS, values, strict=True))
        found[row["deadline_id"]].append(row)
    return found


def link_of(row: Mapping[str, Any]) -> Link:
    return Link(id=row["id"], hash=row["hash"], values=chained_entry(row))


_AGREEMENTS = """
    SELECT f.id, a.facts_head
    FROM (SELECT agreement_id AS id FROM compliance_fact WHERE agreement_id IS NOT NULL
          UNION SELECT id FROM compliance_agreement WHERE facts_head IS NOT NULL) AS f
    LEFT JOIN compliance_agreement AS a ON a.id = f.id
    WHERE f.id > %(after)s AND (%(ids)s::bigint[] IS NULL OR f.id = ANY(%(ids)s::bigint[]))
    ORDER BY f.id LIMIT %(limit)s
"""

_EVIDENCE_OF = """
    SELECT fact_id, evidence_id FROM compliance_fact_evidence WHERE fact_id = ANY(%(ids)s)
"""

_LEDGER_COLUMNS = (
    "id", "hash", "deadline_id", "recorded_at", "effective_at", "status", "reason", "fact_id",
    "due_on", "due_at", "unmet_at", "earliest_due_at", "performed", "target", "accepted_share",
    "measured",
)  # fmt: skip

_LEDGER_OF = f"""
    SELECT {", ".join(_LEDGER_COLUMNS)} FROM compliance_ledgerentry
    WHERE deadline_id = ANY(%(ids)s) ORDER BY deadline_id, id
"""
