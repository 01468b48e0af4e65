"""Chains of hashes: each row's covers its own values and the hash of the row before.

Whoever changes, removes, adds or exchanges a row breaks the chain there; whoever cuts off its
end leaves a head that is no row's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import orjson


def link(head: bytes | None, values: Iterable[object]) -> bytes:
    """The hash of a row with these values that follows the row whose hash is `head`."""
    text = orjson.dumps([_plain(value) for value in values])
    return sha256((head or b"") + text).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over `leaves`, by RFC 9162, section 2.1.1.

    A leaf and a node begin with different bytes, so that none can pass for the other.
    """
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not level:
        return sha256().digest()
    while len(level) > 1:
        # An odd one out rises as it is. From the left in pairs this is the tree of the RFC.
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = above + level[len(above) * 2 :]
    return level[0]


def _plain(value: object) -> object:
    # As the database gives it back: instants in UTC, numbers without their trailing zeros.
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value
