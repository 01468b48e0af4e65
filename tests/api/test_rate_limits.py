"""Rate limits of the API: what counts for whom, and what happens without Valkey."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from django.test import Client

from compliance.api import rate_limits
from compliance.api.request_counts import Quota, RequestCounter, request_counter
from compliance.models import User
from tests.api.answers import BASE
from tests.api.conftest import client_of

_NUMBERS = count(1)


@pytest.fixture
def address() -> str:
    """An address from which no request came yet."""
    return f"198.51.100.{next(_NUMBERS)}"


@pytest.fixture(autouse=True)
def few(settings: Any) -> None:
    """Low limits."""
    settings.API_REQUESTS_PER_MINUTE, settings.ANONYMOUS_REQUESTS_PER_MINUTE = 5, 3


def statuses(client: Client, times: int, **more: Any) -> list[int]:
    """Return the statuses of as many requests."""
    return [client.get(f"{BASE}parties/", **more).status_code for _ in range(times)]


def test_each_token_has_its_own_limit(desk: User) -> None:
    first, second = client_of(desk), client_of(desk)
    assert statuses(first, 7) == [200] * 5 + [429] * 2
    assert statuses(second, 1) == [200]


def test_a_refusal_says_when_to_try_again(desk: User) -> None:
    client = client_of(desk)
    responses = [client.get(f"{BASE}parties/") for _ in range(6)]
    assert {each["RateLimit-Policy"] for each in responses} == {'"token";q=5;w=60'}
    assert [each["RateLimit"].partition(";t=")[0] for each in responses] == [
        *(f'"token";r={left}' for left in (4, 3, 2, 1, 0)),
        '"token";r=0',
    ]
    refused = responses[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["Retry-After"] in refused.json()["detail"]
    assert refused.json()["status"] == 429


@pytest.mark.parametrize("header", ["", "Bearer x", "Bearer pacta_" + "0" * 36, "Basic eDp5"])
def test_requests_without_a_valid_token_are_counted_by_address(
    db: None, address: str, header: str
) -> None:
    client = Client(headers={"Authorization": header})
    assert statuses(client, 4, REMOTE_ADDR=address) == [401] * 3 + [429]
    # Every address below /api/, public and unknown ones included.
    for path in ("/api/v1/", "/api/v1/nowhere/", "/api/x", "/api/v1/schema/"):
        assert client.get(path, REMOTE_ADDR=address).status_code == 429
    assert statuses(client, 1, REMOTE_ADDR=f"{address}9") == [401]


def test_strangers_at_the_same_address_do_not_lock_out_a_valid_token(
    desk: User, address: str
) -> None:
    client = client_of(desk)
    assert statuses(Client(), 4, REMOTE_ADDR=address)[-1] == 429
    assert statuses(client, 1, REMOTE_ADDR=address) == [200]


def test_a_host_cannot_avoid_the_limit_with_its_many_ipv6_addresses(db: None) -> None:
    network = f"2001:db8:{next(_NUMBERS):x}"
    found = [statuses(Client(), 1, REMOTE_ADDR=f"{network}::{n:x}") for n in range(4)]
    assert found == [[401], [401], [401], [429]]


def test_a_signed_in_user_has_one_limit(desk: User) -> None:
    first, second = Client(), Client()
    first.force_login(desk)
    second.force_login(desk)
    assert statuses(first, 3) + statuses(second, 3) == [200] * 5 + [429]


def test_other_pages_are_not_limited(client: Client, db: None, address: str) -> None:
    assert {client.get("/healthz", REMOTE_ADDR=address).status_code for _ in range(6)} == {200}
    assert "RateLimit" not in client.get("/healthz")


@pytest.fixture
def without_valkey(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> RequestCounter:
    """Count as if Valkey were down."""
    counter = RequestCounter(f"redis+socket://{tmp_path}/nothing.sock")
    monkeypatch.setattr(rate_limits, "request_counter", lambda: counter)
    return counter


def test_without_valkey_requests_are_counted_in_the_process(
    without_valkey: RequestCounter, desk: User, address: str
) -> None:
    assert statuses(client_of(desk), 6) == [200] * 5 + [429]
    assert statuses(Client(), 4, REMOTE_ADDR=address) == [401] * 3 + [429]


def test_after_a_failure_valkey_is_not_asked_for_some_seconds() -> None:
    # Nothing answers at this address (RFC 5737), so each attempt would take a while.
    counter = RequestCounter("redis://192.0.2.1:6379/0")
    counter.count(Quota(kind="x", per_minute=3), "y")
    found, took = [], []
    for _ in range(3):
        began = time.monotonic()
        found.append(counter.count(Quota(kind="x", per_minute=3), "y").is_exceeded)
        took.append(time.monotonic() - began)
    assert found == [False, False, True]
    # The fastest one: a busy machine may delay some.
    assert min(took) < 0.1


@pytest.mark.parametrize("url", ["amqp://localhost/", "redis://h:x/", "x", ""])
def test_with_another_broker_requests_are_still_counted(url: str) -> None:
    counter = RequestCounter(url)
    quota = Quota(kind="x", per_minute=2)
    assert [counter.count(quota, "y").is_exceeded for _ in range(3)] == [False, False, True]


def test_requests_at_once_do_not_exceed_the_limit() -> None:
    quota = Quota(kind="race", per_minute=50)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: request_counter().count(quota, "y").is_exceeded, range(80)))
    assert found.count(False) == 50


def test_counting_is_fast() -> None:
    quota = Quota(kind="speed", per_minute=10_000)
    began = time.process_time()
    for _ in range(200):
        request_counter().count(quota, "y")
    assert (time.process_time() - began) / 200 < 0.002
