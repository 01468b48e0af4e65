"""Checks of seals: their links, and whether the sealed records are still the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from django.db import transaction

from compliance.domain.integrity.chains import link, merkle_root
from compliance.models import RemovedRows, Seal
from compliance.models.integrity.chains import chained_seal, leaves
from compliance.models.integrity.tombstone_chain import is_sealed_by_pacta
from compliance.queries.integrity.findings import BATCH, CHANGED, BadRow, Findings

_UNSIGNED = (
    "It is signed neither with SECRET_KEY nor with one of SECRET_KEY_FALLBACKS: Pacta did not "
    "write it, or the key has changed. Keep a former key there until the next seal."
)


def check_seals(
    findings: Findings,
    *,
    purged: Sequence[RemovedRows] = (),
    every: bool = False,
    root: bytes | None = None,
) -> None:
    """Check the links and signatures of seals, and recompute some of them.

    These are the latest one, that of `root`, or `every` one. `purged` are the rows
    that genuine tombstones list.
    """
    seals: list[Seal] = []
    before: bytes | None = None
    newest: Seal | None = None
    last_id = 0
    is_whole = True
    has_signed = False
    unsigned: list[int] = []
    for each in Seal.objects.order_by("id").iterator(chunk_size=BATCH):
        findings.seals += 1
        if is_whole and bytes(each.hash) != link(before, chained_seal(each)):
            is_whole = False
            findings.add(BadRow(table="compliance_seal", id=each.pk, detail=CHANGED))
        if is_sealed_by_pacta(each):
            # A former key may have signed the first ones; a later signature covers them.
            unsigned = unsigned if has_signed else []
            has_signed = True
        else:
            unsigned.append(each.pk)
        before, newest, last_id = bytes(each.hash), each, each.pk
        if every or (root is not None and bytes(each.root) == root):
            seals.append(each)
    for pk in unsigned if has_signed else unsigned[-1:]:
        findings.add(BadRow(table="compliance_seal", id=pk, detail=_UNSIGNED))
    if root is not None and not any(bytes(each.root) == root for each in seals):
        detail = (
            f"No seal has the root {root.hex()}: it was changed, removed, or never created here."
        )
        findings.add(BadRow(table="compliance_seal", id=None, detail=detail))
    if newest is not None and not any(each.pk == last_id for each in seals):
        seals.append(newest)
    for each in seals:
        if detail := _broken_seal(each, purged):
            findings.add(BadRow(table="compliance_seal", id=each.pk, detail=detail))


def _broken_seal(seal: Seal, purged: Sequence[RemovedRows]) -> str:
    count = 0

    def counted(found: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal count
        for leaf in found:
            count += 1
            yield leaf

    with transaction.atomic():
        sealed = leaves(
            last_fact_id=seal.last_fact_id,
            last_entry_id=seal.last_entry_id,
            removed=[each for each in purged if each.tombstone_id > (seal.last_tombstone_id or 0)],
        )
        root = merkle_root(counted(sealed))
    if root == bytes(seal.root) and count == seal.chains:
        return ""
    chains = f"{count} chains instead of {seal.chains}" if count != seal.chains else "other heads"
    return (
        f"The sealed records have changed: there are {chains}. Some "
        "chain was rewritten or removed afterwards."
    )
