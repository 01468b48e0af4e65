"""Who works in the admin in these tests, and the founding case for them to work on."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from compliance.domain.agreements.documents import read_agreement
from compliance.models import Agreement, Deadline, User
from compliance.operations.agreements import documents
from tests.delivery.conftest import receiver, sink  # noqa: F401 -- fixtures

GENEVA = Path(__file__).parents[2] / "examples" / "geneva-2025.yaml"


def logged_in(user: User) -> Client:
    """A browser in which a user is logged in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff(email: str, *rights: str) -> User:
    """Somebody who may enter the admin, with only these rights."""
    user = User.objects.create_user(email, "secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def desk(db: None) -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser("desk@example.org", "secret")


@pytest.fixture
def browser(desk: User) -> Client:
    """A browser in which they are logged in."""
    return logged_in(desk)


@pytest.fixture
def viewer(db: None) -> Client:
    """A browser of somebody who may look at everything and change nothing."""
    rights = Permission.objects.filter(codename__startswith="view_")
    return logged_in(staff("viewer@example.org", *rights.values_list("codename", flat=True)))


@pytest.fixture
def geneva(db: None) -> Agreement:
    """The founding case, loaded now."""
    document = read_agreement(GENEVA.read_bytes(), is_yaml=True)
    return documents.load(document=document, by=None, as_of=timezone.now()).agreement


@pytest.fixture
def rare_earths(geneva: Agreement) -> Deadline:
    """The deadline that was missed."""
    return geneva.deadlines.get(obligation__ref="CN-2d")
