"""Hash chains: the hash of each row covers its own values and the hash of the previous row.

Changing, removing, adding or swapping rows breaks the chain at that place. If the end of a chain is
cut off, its head is no longer the hash of a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

import orjson

from compliance.domain.quantities import number_text


def link(head: bytes | None, values: Iterable[object]) -> bytes:
    """Return the hash of a row with these values. `head` is the hash of the previous row.

    The values are hashed as the database returns them: instants in UTC, numbers without trailing
    zeros.
    """
    text = orjson.dumps(
        [
            value.astimezone(UTC)
            if isinstance(value, datetime) and value.tzinfo not in _UTC_ZONES
            else value
            for value in values
        ],
        default=_number,
    )
    return sha256((head or b"") + text).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """Return the root of the Merkle tree over `leaves`, as defined in RFC 9162, section 2.1.1.

    Leaves and nodes are hashed with different prefixes, so neither can pass as the other. The
    leaves are consumed one at a time and not kept in memory.
    """
    # Complete subtrees from left to right with their heights; each is lower than the one before.
    trees: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, node = 0, sha256(b"\x00" + leaf).digest()
        while trees and trees[-1][0] == height:
            node = _node(trees.pop()[1], node)
            height += 1
        trees.append((height, node))
    if not trees:
        return sha256().digest()
    _, root = trees.pop()
    while trees:
        root = _node(trees.pop()[1], root)
    return root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


# Both format instants in the same way, and nearly all instants are in one of them.
_UTC_ZONES = (UTC, ZoneInfo("UTC"))


def _number(value: object) -> str:
    if isinstance(value, Decimal):
        return number_text(value)
    sentence = f"A {type(value).__name__} cannot be hashed: add its format to `_number`."
    raise TypeError(sentence)
