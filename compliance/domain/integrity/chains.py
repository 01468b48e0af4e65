"""Hash chains: the hash of each row covers its own values and the hash of the row before it.

Changing, removing, adding or swapping rows breaks the chain at that place. Cutting off its end
leaves a head that is not the hash of any row.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from zoneinfo import ZoneInfo

import orjson


def link(head: bytes | None, values: Iterable[object]) -> bytes:
    """Return the hash of a row with these values, which follows the row whose hash is `head`.

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
    """Return the root of the Merkle tree over `leaves`, as RFC 9162, section 2.1.1, defines it.

    Leaves and nodes are hashed with different prefixes, so neither can be passed off as the other.
    The leaves are consumed one by one and not kept in memory.
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


# Instants in these are written alike, and nearly all are.
_UTC_ZONES = (UTC, ZoneInfo("UTC"))


def _number(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    sentence = f"A {type(value).__name__} cannot be hashed: add how it is written to `_number`."
    raise TypeError(sentence)
