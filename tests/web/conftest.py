"""A person who signs in."""

from __future__ import annotations

import pytest

from compliance.models import User

PASSWORD = "correct-horse-battery"


@pytest.fixture
def ana(db: None) -> User:
    """A user who may use the admin."""
    return User.objects.create_user("ana@example.org", PASSWORD, is_staff=True)
