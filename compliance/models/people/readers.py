"""Readers: on whose behalf rows are read and written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

from django.contrib.auth.models import AnonymousUser

from compliance.domain.vocabulary import Role
from compliance.models.people.users import User


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """On whose behalf rows are read: the system, a user, or nobody, who sees no agreement.

    Args:
        user_id: the user; None for the system and for nobody.
        sees_everything: whether visibility does not limit the reader.
        teams: if given, only agreements of these teams exist for the reader, whatever the user
            sees; for API tokens.
        agreements: if given, only these agreements exist for the reader.
    """

    user_id: int | None = None
    sees_everything: bool = False
    teams: frozenset[int] | None = None
    agreements: frozenset[int] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether some agreements may not exist for the reader."""
        return not self.sees_everything or self.teams is not None or self.agreements is not None

    def limited_to(
        self, *, teams: frozenset[int] | None = None, agreements: frozenset[int] | None = None
    ) -> Reader:
        """Return a reader who sees only what belongs to these teams, or these agreements."""
        return replace(self, teams=teams, agreements=agreements)


SYSTEM: Final = Reader(sees_everything=True)
NOBODY: Final = Reader()

_current: ContextVar[Reader] = ContextVar("reader", default=SYSTEM)


def reader_of(user: User | AnonymousUser | None) -> Reader:
    """Return the reader that a user is. An inactive or unknown user sees nothing."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    is_administrator = (
        user.is_superuser or user.groups.filter(name=Role.ADMINISTRATOR.value).exists()
    )
    return Reader(user_id=user.pk, sees_everything=is_administrator)


def current_reader() -> Reader:
    """Return on whose behalf this request or job reads: the system, unless in `reading_as`."""
    return _current.get()


@contextmanager
def reading_as(reader: Reader) -> Iterator[None]:
    """Read and write on behalf of a reader within the block."""
    token = _current.set(reader)
    try:
        yield
    finally:
        _current.reset(token)
