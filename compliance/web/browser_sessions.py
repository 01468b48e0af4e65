"""The sessions of browsers, as Django stores them (`SESSION_ENGINE`).

Anybody can begin a sign-in, which stores what belongs to it in a session of nobody. Such a session
is small, and ends soon.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import SuspiciousOperation

# Long enough to choose a password, or to fetch a second factor.
_SECONDS_OF_NOBODY = 60 * 60
_MOST_CHARACTERS_OF_NOBODY = 16 * 1024


class SessionStore(DatabaseSessionStore):
    """One session.

    Attributes:
        most_characters: how long it may be while nobody is signed in.
    """

    most_characters = _MOST_CHARACTERS_OF_NOBODY

    def get_session_cookie_age(self) -> int:
        """Return after how many seconds without a change the session ends."""
        return super().get_session_cookie_age() if SESSION_KEY in self else _SECONDS_OF_NOBODY

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        """Return the row to store.

        Raises:
            SuspiciousOperation: nobody is signed in, and it is too long.
        """
        row = super().create_model_instance(data)
        if SESSION_KEY not in data and len(row.session_data) > self.most_characters:
            raise SuspiciousOperation("the session of somebody who is not signed in is too long")
        return row
