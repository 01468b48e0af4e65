"""Who reads: the reader that a user is, and what the database knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection

from compliance.domain.people.readers import (
    NOBODY,
    SYSTEM,
    Reader,
    current_reader,
    reset_reader,
    set_reader,
)
from compliance.domain.vocabulary import Role
from compliance.models.people.users import User

__all__ = [
    "NOBODY", "SYSTEM", "Reader", "become", "current_reader", "reader_of", "reading_as",
    "tell_database",
]  # fmt: skip


def reader_of(user: User | AnonymousUser | None) -> Reader:
    """Return the reader that a user is. An inactive or unknown user sees nothing."""
    if not isinstance(user, User) or not user.is_active:
        return NOBODY
    administrators = user.groups.filter(name=Role.ADMINISTRATOR.value)
    return Reader(user_id=user.pk, sees_everything=user.is_superuser or administrators.exists())


def become(reader: Reader) -> None:
    """Read and write on behalf of a reader until the enclosing `reading_as` ends."""
    set_reader(reader)
    tell_database()


@contextmanager
def reading_as(reader: Reader) -> Iterator[None]:
    """Read and write on behalf of a reader within the block.

    What a user may do can have consequences that the user does not see, such as moved deadlines
    of other agreements after the correction of a party. The operation then reads as `SYSTEM`.
    """
    token = set_reader(reader)
    try:
        tell_database()
        yield
    finally:
        reset_reader(token)
        tell_database()


def tell_database() -> None:
    """Tell the database who reads now, if a transaction is open."""
    # Outside of a transaction, the wrapper tells it with each statement.
    wrapper: Any = connection
    if not wrapper.autocommit:
        wrapper.apply_reader()
