"""Users of the admin in these tests, and the agreements that they work on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from compliance.domain.agreements.documents import read_agreement
from compliance.models import Agreement, Alert, Deadline, Message, User, Webhook
from compliance.operations.agreements import documents
from compliance.operations.deadlines import sweep
from tests.delivery.conftest import receiver, sink  # noqa: F401 -- fixtures
from tests.samples import create_agreement, obligation

CHAT_URL = "https://hooks.slack.com/services/T0000000A/B0000000B/abcdefghijklmnopqrstuvwx"
GENEVA = Path(__file__).parents[2] / "examples" / "geneva-2025.yaml"


def logged_in(user: User) -> Client:
    """Return a client in which a user is logged in."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def staff(email: str, *rights: str) -> User:
    """Create a user who can log in to the admin and has only these permissions."""
    user = User.objects.create_user(email, "secret", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


@pytest.fixture
def desk(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("desk@example.org", "secret")


@pytest.fixture
def browser(desk: User) -> Client:
    """A client in which the superuser is logged in."""
    return logged_in(desk)


@pytest.fixture
def viewer(db: None) -> Client:
    """A client of a user who may view everything and change nothing."""
    rights = Permission.objects.filter(codename__startswith="view_")
    return logged_in(staff("viewer@example.org", *rights.values_list("codename", flat=True)))


@pytest.fixture
def geneva(db: None) -> Agreement:
    """The Geneva agreement from the examples, loaded now."""
    document = read_agreement(GENEVA.read_bytes(), is_yaml=True)
    return documents.load(document=document, by=None, as_of=timezone.now()).agreement


@pytest.fixture
def rare_earths(geneva: Agreement) -> Deadline:
    """The unmet deadline of the Geneva agreement."""
    return geneva.deadlines.get(obligation__ref="CN-2d")


@pytest.fixture
def missed(db: None) -> Deadline:
    """An unmet deadline, which the sweep has just detected."""
    deadline = create_agreement(obligation(title="Deliver <script>alert(1)</script>"))
    sweep.run(as_of=timezone.now())
    deadline.refresh_from_db()
    return deadline


def message_of(deadline: Deadline, **recipient: Any) -> Message:
    """Create a sent message to an `email` or `webhook`, with an alert about a missed deadline."""
    breach = deadline.breaches.get()
    message = Message.objects.create(
        agreement=deadline.agreement,
        message_id="<1@pacta>",
        state="sent",
        created_at=timezone.now(),
        next_attempt_at=timezone.now(),
        **recipient,
    )
    Alert.objects.create(
        deadline=deadline,
        agreement=deadline.agreement,
        kind="missed",
        occasion=breach.occurred_at,
        breach_at=breach.occurred_at,
        created_at=timezone.now(),
        message=message,
        **recipient,
    )
    return message


def standard_webhook(url: str = "https://example.org/hook") -> Webhook:
    return Webhook.objects.create(
        name="Cases",
        url=url,
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        created_at=timezone.now(),
    )


def chat() -> Webhook:
    return Webhook.objects.create(name="Team", kind="chat", url=CHAT_URL, created_at=timezone.now())
