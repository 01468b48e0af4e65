"""The form of API tokens: `pacta_`, 30 random characters, and a checksum of 6 characters.

All 36 characters are digits and ASCII letters, so that a double click selects the whole token. The
prefix and the checksum let scanners recognize leaked tokens in source code, logs and emails
(`pacta_[0-9A-Za-z]{36}`), with a chance of a false match of 1 in 4 billion, and without asking the
server. The checksum is the CRC-32 of the random characters (the one of zlib and gzip, ISO 3309),
as six digits in base 62; the digits are 0-9, A-Z, a-z in this order, the most significant first.
"""

from __future__ import annotations

import hashlib
import re
import string
import zlib
from collections.abc import Sequence

PREFIX = "pacta_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 30
_CHECKSUM_LENGTH = 6
_TOKEN = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})")


def token_of(characters: Sequence[str]) -> str:
    """Return the token with these random characters of `ALPHABET`; there are `RANDOM_LENGTH`."""
    text = "".join(characters)
    token = f"{PREFIX}{text}{_checksum(text)}"
    if not is_token(token):
        raise ValueError(len(text))
    return token


def is_token(text: str) -> bool:
    """Return whether a text has the form of a token, with the right checksum."""
    found = _TOKEN.fullmatch(text)
    return found is not None and _checksum(found[1]) == found[2]


def token_digest(token: str) -> bytes:
    """Return the hash under which a token is stored: 32 bytes, SHA-256.

    A slow hash protects passwords, because people choose them from few possibilities. The 30
    random characters have 178 bits: nobody can try them all, however fast the hash is. A fast hash
    lets the database find the token by an index, and costs each request a microsecond.
    """
    return hashlib.sha256(token.encode("ascii")).digest()


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
