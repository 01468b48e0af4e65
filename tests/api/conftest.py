"""Users and clients of the API tests, and the founding case."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from compliance.domain.agreements.documents import read_agreement
from compliance.models import Agreement, Deadline, User
from compliance.operations.agreements import documents
from compliance.operations.people.tokens import create_token
from tests.samples import create_agreement

GENEVA = Path(__file__).parents[2] / "examples" / "geneva-2025.yaml"


def client_of(user: User, *, is_read_only: bool = False) -> Client:
    """Return a client that authenticates with a new token of a user."""
    name = f"{user.email} {user.api_tokens.count()}"
    token = create_token(name=name, user=user, is_read_only=is_read_only)
    # As if it were in use: the first use stores this, which would be one more query.
    user.api_tokens.update(last_used_at=timezone.now())
    return Client(headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def desk(db: None) -> User:
    """A user with all permissions."""
    return User.objects.create_superuser("desk@example.org", "secret")


@pytest.fixture
def api(desk: User) -> Client:
    """A client with all permissions."""
    return client_of(desk)


@pytest.fixture
def supply(db: None) -> Deadline:
    """The deadline of a small agreement."""
    return create_agreement()


@pytest.fixture
def geneva(db: None) -> Agreement:
    """The founding case, loaded at the current time."""
    document = read_agreement(GENEVA.read_bytes(), is_yaml=True)
    return documents.load(document=document, by=None, as_of=timezone.now()).agreement
