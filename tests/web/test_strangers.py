"""What people who are not signed in can store, and for how long."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import SuspiciousOperation
from django.db import connection
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from compliance import tasks
from compliance.domain.people.lockouts import Attempt, Proof
from compliance.models import AttemptCount, User
from compliance.operations.people import lockouts
from compliance.web.browser_sessions import SessionStore
from tests.permissions.test_matrix import urls

pytestmark = pytest.mark.django_db

PASSKEY = "/account/2fa/webauthn/login/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
PASSWORD = "a long passphrase"
_NUMBERS = count(1)


@pytest.fixture
def address() -> str:
    """An address from which no request came yet."""
    return f"192.0.2.{next(_NUMBERS)}"


def test_a_session_of_nobody_ends_within_an_hour_and_is_deleted_minutes_later(
    settings: Any,
) -> None:
    settings.SESSION_DAYS, settings.SESSION_COOKIE_AGE = 14, 15 * 24 * 60 * 60
    user = User.objects.create_user("ana@example.org", PASSWORD)
    client = Client(headers=SCRIPT)
    assert client.get(PASSKEY).status_code == 200
    now = timezone.now()
    ends_at = Session.objects.get().expire_date
    assert now + timedelta(minutes=59) < ends_at <= now + timedelta(minutes=60)
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert Session.objects.get().expire_date > now + timedelta(days=14)
    Session.objects.create(session_key="x" * 32, session_data="", expire_date=now)
    tasks.prune_sign_ins()
    assert Session.objects.get().get_decoded()[SESSION_KEY] == str(user.pk)


def test_a_session_of_nobody_is_small() -> None:
    long = secrets.token_hex(16 * 1024)
    of_nobody, of_somebody = SessionStore(), SessionStore()
    of_nobody["state"] = of_somebody["state"] = long
    of_somebody[SESSION_KEY] = "1"
    with pytest.raises(SuspiciousOperation):
        of_nobody.save()
    of_somebody.save()
    assert Session.objects.count() == 1


def test_visitors_of_account_pages_are_counted_by_address(settings: Any, address: str) -> None:
    settings.ANONYMOUS_REQUESTS_PER_MINUTE = 3

    def statuses(client: Client, path: str, times: int) -> list[int]:
        return [client.get(path, REMOTE_ADDR=address).status_code for _ in range(times)]

    user = User.objects.create_user("ana@example.org", PASSWORD)
    client = Client()
    client.force_login(user)
    assert statuses(client, "/account/sessions/", 4) == [200] * 4
    assert statuses(Client(headers=SCRIPT), PASSKEY, 4) == [200] * 3 + [429]
    refused = Client().post("/account/login/", REMOTE_ADDR=address)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "More than 3 requests per minute" in refused.content.decode()
    # Neither those who are signed in, nor API clients, nor other addresses are affected.
    assert statuses(client, "/account/sessions/", 1) == [200]
    assert statuses(Client(), "/api/v1/schema/", 1) == [200]
    assert Client().get("/account/login/", REMOTE_ADDR=f"{address}9").status_code == 200


@pytest.mark.parametrize("proof", Proof)
def test_no_count_is_stored_for_attempts_from_an_address_that_is_locked(proof: Proof) -> None:
    now = timezone.now()

    def attempt(number: int) -> bool:
        tried = Attempt(proof=proof, account=f"{number}@example.org", address="192.0.2.1")
        return lockouts.count(tried, as_of=now) is None

    assert all(attempt(number) for number in range(100))
    stored = AttemptCount.objects.count()
    assert not any(attempt(number) for number in range(100, 150))
    assert AttemptCount.objects.count() == stored


BOUNDED = {
    "django_session": "small, few per address and minute, and for an hour",
    "compliance_attemptcount": "few per address, and at most for a day",
    "compliance_auditentry": "few per hour",
    "compliance_passwordlinkrequest": "few per address, until it is sent",
    "compliance_cache": "what a sign-in has used up",
}
FORM = {
    "login": "ana@example.org", "password": "x", "email": "ana@example.org", "next": "/admin/",
    "code": "123456", "credential": "{}", "process": "login", "title": "x", "ref": "x",
}  # fmt: skip


def sizes() -> dict[str, int]:
    """Return the number of rows of each table."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{each}', count(*) FROM \"{each}\"" for each in tables)
        )
        return dict(cursor.fetchall())


def addresses() -> Iterator[str]:
    """Yield an address of each page and endpoint."""

    def walk(resolver: Any, prefix: str) -> Iterator[str]:
        for each in resolver.url_patterns:
            route = prefix + str(each.pattern)
            if hasattr(each, "url_patterns"):
                yield from walk(each, route)
            else:
                yield route

    for route in walk(get_resolver(), ""):
        text = re.sub(r"<(int|id)[^>]*>", "1", route)
        yield "/" + re.sub(r"<[^>]*>", "x", re.sub(r"[$^]|\\Z", "", text))


@pytest.mark.exhaustive
def test_strangers_store_only_what_is_bounded() -> None:
    before = sizes()
    client = Client(raise_request_exception=False)
    found = set(addresses())
    assert len(found) > len(set(urls())) / 2
    for path in found:
        for send in (client.get, client.post):
            client.cookies.clear()
            sessions = Session.objects.count()
            response: Any = send(path, FORM) if send is client.post else send(path)
            assert response.status_code < 500 or path == "/readyz", path
            is_new = Session.objects.count() > sessions
            assert path.startswith("/account/") or not is_new, path
    after = sizes()
    assert {table for table in after if after[table] > before[table]} <= set(BOUNDED)
