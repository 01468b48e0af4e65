"""Readers: on whose behalf rows are read and written."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass, replace
from typing import Final


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

    @property
    def owner_id(self) -> int | None:
        """Whose subscriptions and webhooks exist for the reader; None if all do."""
        return None if self.sees_everything else self.user_id or 0

    def limited_to(
        self, *, teams: frozenset[int] | None = None, agreements: frozenset[int] | None = None
    ) -> Reader:
        """Return a reader who sees only what belongs to these teams, or these agreements."""
        return replace(self, teams=teams, agreements=agreements)


SYSTEM: Final = Reader(sees_everything=True)
NOBODY: Final = Reader()

_current: ContextVar[Reader] = ContextVar("reader", default=SYSTEM)


def current_reader() -> Reader:
    """Return on whose behalf this request or job reads. Outside of requests: the system."""
    return _current.get()


def set_reader(reader: Reader) -> Token[Reader]:
    """Set the reader of this thread. Use `models.people.readers`, which tells the database too."""
    return _current.set(reader)


def reset_reader(token: Token[Reader]) -> None:
    """Restore the reader that `set_reader` replaced."""
    _current.reset(token)
