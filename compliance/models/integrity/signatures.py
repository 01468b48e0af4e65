"""Signatures of tombstones and seals. Whoever can only write to the database cannot make them."""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac


class Signed(StrEnum):
    """What is signed. The signature of one kind is worth nothing for another."""

    TOMBSTONE = "compliance.tombstone"
    SEAL = "compliance.seal"


def signature_of(kind: Signed, hash_: bytes) -> bytes:
    """Sign the hash of a tombstone or seal with the present `SECRET_KEY`."""
    return _signature(kind, hash_, settings.SECRET_KEY)


def is_signed(kind: Signed, hash_: bytes, signature: bytes) -> bool:
    """Return whether Pacta wrote it, with its present `SECRET_KEY` or a former one."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(_signature(kind, hash_, key), signature) for key in keys)


def _signature(kind: Signed, hash_: bytes, key: Any) -> bytes:
    return salted_hmac(kind, hash_, secret=key, algorithm="sha256").digest()
