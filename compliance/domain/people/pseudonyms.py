"""Pseudonyms of former users, and the patterns with which their names are found in texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

# RFC 2606 reserves the domain: no email can reach it.
_DOMAIN = "pseudonym.invalid"
# A shorter name is part of too many other words.
_SHORTEST_NAME = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The address and the name of a person."""

    email: str
    name: str

    def replacements(self, user_id: int) -> list[tuple[str, str]]:
        """Return patterns (of PostgreSQL, regardless of case) and what replaces their matches.

        A name of one word, or a very short one, is not looked for: it means other people as well.
        """
        found = [(_address_pattern(self.email), address_of(user_id))]
        words = self.name.split()
        if len(words) > 1 and len(self.name) >= _SHORTEST_NAME:
            inner = r"\s+".join(map(re.escape, words))
            found.append((rf"\y{inner}\y", name_of(user_id)))
        return found


def address_of(user_id: int) -> str:
    """Return the address that replaces that of a former user."""
    return f"former-user-{user_id}@{_DOMAIN}"


def name_of(user_id: int) -> str:
    """Return the name that replaces that of a former user."""
    return f"Former user {user_id}"


def is_pseudonym(email: str) -> bool:
    """Return whether an address is a pseudonym."""
    return email.endswith(f"@{_DOMAIN}")


def _address_pattern(email: str) -> str:
    local, _, domain = email.rpartition("@")
    # In the path of a URL, the sign is encoded.
    whole = f"{re.escape(local)}(?:@|%40){re.escape(domain)}"
    return rf"(?<![\w.%+-]){whole}(?![\w-]|\.\w)"
