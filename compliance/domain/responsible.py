"""Who is responsible for an obligation: users by email address, teams as `team:` and their slug."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from compliance.domain.email_addresses import email_address
from compliance.domain.fields import one_line
from compliance.domain.formats import ALL_DIFFERENT, RESPONSIBLE
from compliance.domain.limits import AtMost

TEAM = "team:"
ME = "me"
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def team_slug(name: str) -> str | None:
    """Return the slug of the team that `name` stands for, or None if it stands for a user."""
    return name.removeprefix(TEAM) if name.startswith(TEAM) else None


def _responsible(text: str) -> str:
    slug = team_slug(text)
    if slug is None:
        try:
            return email_address(text)
        except ValueError as error:
            if "@" in text:
                raise
            sentence = "Name a user by email address (ana@example.org) or a team (team:asia)."
            raise ValueError(sentence) from error
    if not _SLUG.fullmatch(slug):
        sentence = "Name a team as team: and its slug in lower case, such as team:asia."
        raise ValueError(sentence)
    return text


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len({name.lower() for name in names}) != len(names):
        sentence = "Remove the duplicates: name each one only once."
        raise ValueError(sentence)
    return names


def _responsible_or_me(text: str) -> str:
    return text if text == ME else _responsible(text)


_STRIPPED = StringConstraints(strip_whitespace=True)

ResponsibleName = Annotated[
    str,
    _STRIPPED,
    Field(max_length=254),
    AfterValidator(one_line),
    AfterValidator(_responsible),
    RESPONSIBLE,
]
"""A user by email address, or a team by its slug, such as `team:asia`."""

ResponsibleNames = Annotated[
    tuple[ResponsibleName, ...], AtMost(50), AfterValidator(_each_once), ALL_DIFFERENT
]
"""Users and teams; each is named once."""

Responsible = Annotated[
    str,
    _STRIPPED,
    Field(max_length=254),
    AfterValidator(one_line),
    AfterValidator(_responsible_or_me),
    RESPONSIBLE,
]
"""`me`, a user by email address, or a team by its slug."""
