"""Which tombstones are genuine: their chain, their signatures, and the seals over them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from compliance.domain.integrity.chains import link
from compliance.models.integrity.seals import Seal
from compliance.models.integrity.signatures import Signed, is_signed
from compliance.models.integrity.tombstones import (
    RemovedRows,
    Tombstone,
    chained_tombstone,
)


def vouching_seal() -> Seal | None:
    """Return the seal that vouches for tombstones: the newest one that Pacta signed.

    Its signature covers the seals before it. If the key of all seals is gone, it is the newest
    one, which the ledger check then reports.
    """
    seals = Seal.objects.order_by("-id").iterator(chunk_size=100)
    signed = next((each for each in seals if is_sealed_by_pacta(each)), None)
    return signed or Seal.objects.first()


def is_sealed_by_pacta(seal: Seal) -> bool:
    """Return whether a seal is signed."""
    return is_signed(Signed.SEAL, bytes(seal.hash), bytes(seal.signature))


def checked_tombstones(seal: Seal | None) -> Iterator[tuple[Tombstone, list[RemovedRows], str]]:
    """Yield all tombstones by id, with their removed rows and what is wrong with each, if anything.

    After the first one that is wrong, no further one can be trusted.

    Args:
        seal: the result of `vouching_seal`. It vouches for the tombstones that it covers; later
            ones are only genuine if they are signed.
    """
    removed: dict[int, list[RemovedRows]] = defaultdict(list)
    for each in RemovedRows.objects.order_by("id"):
        removed[each.tombstone_id].append(each)
    sealed_id = (seal.last_tombstone_id if seal is not None else None) or 0
    sealed_hash = seal.tombstone_hash if seal is not None else None
    before: bytes | None = None
    problem = ""
    for tombstone in Tombstone.objects.order_by("id"):
        rows = removed[tombstone.pk]
        own = bytes(tombstone.hash)
        if own != link(before, chained_tombstone(tombstone, rows)):
            problem = problem or "Its hash does not match its values and the previous tombstone."
        elif tombstone.pk > sealed_id and not is_signed(
            Signed.TOMBSTONE, own, bytes(tombstone.signature)
        ):
            problem = problem or "It is not signed by Pacta: it was not written by a purge."
        elif tombstone.pk == sealed_id and own != bytes(sealed_hash or b""):
            problem = problem or "A seal covers another tombstone with this id."
        yield tombstone, rows, problem
        before = own


def last_valid_tombstone(seal: Seal | None) -> Tombstone | None:
    """Return the last tombstone that the next seal may cover."""
    last = None
    for tombstone, _, problem in checked_tombstones(seal):
        if problem:
            break
        last = tombstone
    return last
