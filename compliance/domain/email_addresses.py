"""Email addresses that every mail server accepts without extensions."""

from __future__ import annotations

import re

import idna

_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@(?:localhost|(?:{_LABEL}\.)+(?=[A-Za-z0-9-]*[A-Za-z]){_LABEL})"
)
_LONGEST_LOCAL_PART = 64
_LONGEST = 254


def email_address(text: str) -> str:
    """Return an address, with an internationalised domain as its A-label (RFC 5891).

    Raises:
        ValueError: it is not one address, or a part is too long (RFC 5321, section 4.5.3.1).
    """
    local, at, domain = text.rpartition("@")
    if not domain.isascii():
        try:
            # The mapping of browsers (UTS #46): "BÜCHER.example" is "bücher.example".
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except UnicodeError:
            sentence = "The domain, after the @, is not a valid internationalised domain name."
            raise ValueError(sentence) from None
    address = f"{local}{at}{domain}"
    # `=?` starts an encoded word, which mail programs could decode to another address or to line
    # breaks.
    if not _ADDRESS.fullmatch(address) or "=?" in address:
        sentence = "Give one email address, such as desk@example.org."
        raise ValueError(sentence)
    if len(local) > _LONGEST_LOCAL_PART:
        sentence = (
            f"The part before the @ has {len(local)} characters; mail servers accept at most "
            f"{_LONGEST_LOCAL_PART}."
        )
        raise ValueError(sentence)
    if len(address) > _LONGEST:
        sentence = f"The address has {len(address)} characters; at most {_LONGEST} are accepted."
        raise ValueError(sentence)
    return address
