"""Chains of hashes: each row's covers its own values and the hash of the row before.

Whoever changes, removes, adds or exchanges a row breaks the chain there; whoever cuts off its
end leaves a head that is no row's.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import orjson


def link(head: bytes | None, values: Iterable[object]) -> bytes:
    """The hash of a row with these values that follows the row whose hash is `head`."""
    text = orjson.dumps([_plain(value) for value in values])
    return sha256((head or b"") + text).digest()


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree over `leaves`, by RFC 9162, section 2.1.1.

    A leaf and a node begin with different bytes, so that none can pass for the other. The leaves
    are taken one by one, and never held.
    """
    # Whole subtrees from the left, each lower than the one before it, with their heights.
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


def _plain(value: object) -> object:
    # As the database gives it back: instants in UTC, numbers without their trailing zeros.
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value
