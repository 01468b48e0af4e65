"""/healthz and /readyz report whether the service works."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance.models import Alert, Deadline, JobRun, Silence, User
from compliance.operations.deadlines import sweep
from tests.samples import create_agreement, subscribe

pytestmark = pytest.mark.django_db(transaction=True)


def ready(client: Client) -> tuple[int, Any]:
    """Return the status and body of /readyz."""
    response = client.get("/readyz")
    return response.status_code, response.json()


def test_healthz_works_without_the_database(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_the_service_is_not_ready_before_the_first_sweep(client: Client) -> None:
    status, content = ready(client)
    assert (status, content["status"]) == (503, "not ready")
    assert content["checks"]["sweep"]["state"] == "failing"
    assert content["checks"]["database"]["state"] == content["checks"]["broker"]["state"] == "ok"


def test_the_service_is_ready_after_a_sweep(client: Client) -> None:
    sweep.run(as_of=timezone.now())
    status, content = ready(client)
    assert (status, content["status"]) == (200, "ready")
    assert content["checks"]["sweep"]["last_finished_seconds_ago"] < 60


def test_a_stopped_sweep_fails_readiness(client: Client) -> None:
    sweep.run(as_of=timezone.now())
    JobRun.objects.filter(kind="sweep").update(ended_at=timezone.now() - timedelta(seconds=70))
    # A sweep that started but never finished does not count.
    JobRun.objects.create(kind="sweep", as_of=timezone.now(), started_at=timezone.now())
    status, content = ready(client)
    assert (status, content["checks"]["sweep"]["state"]) == (503, "failing")
    assert content["checks"]["sweep"]["last_finished_seconds_ago"] >= 70


def test_an_unsent_alert_fails_readiness(client: Client) -> None:
    subscribe()
    create_agreement()
    sweep.run(as_of=timezone.now())
    assert ready(client)[0] == 200
    then = timezone.now() - timedelta(minutes=16)
    Alert.objects.update(created_at=then, not_before=then)
    status, content = ready(client)
    assert (status, content["checks"]["alerts"]["state"]) == (503, "failing")
    assert content["checks"]["alerts"]["oldest_unsent_seconds"] >= 16 * 60
    Alert.objects.update(withdrawn_at=timezone.now())
    assert ready(client)[0] == 200


def test_alerts_held_back_by_a_silence_are_not_late_when_it_ends(client: Client) -> None:
    subscribe()
    agreement = create_agreement().agreement
    now = timezone.now()
    sweep.run(as_of=now)
    then = now - timedelta(days=3)
    Alert.objects.update(created_at=then, not_before=then)
    held_back = Silence.objects.create(
        agreement=agreement,
        until_at=now - timedelta(seconds=1),
        reason="They move.",
        created_at=then,
        created_by=User.objects.create_superuser("lee@example.org", "x"),
    )
    assert ready(client)[0] == 200
    held_back.until_at = now - timedelta(minutes=16)
    held_back.save()
    assert ready(client)[0] == 503


def test_quarantined_deadlines_are_shown_without_failing_readiness(client: Client) -> None:
    create_agreement()
    sweep.run(as_of=timezone.now())
    Deadline.objects.update(quarantine_error="ValueError()")
    status, content = ready(client)
    assert (status, content["checks"]["quarantined"]["deadlines"]) == (200, 1)


def test_an_unreachable_broker_fails_readiness_without_revealing_its_address(
    client: Client, settings: Any
) -> None:
    sweep.run(as_of=timezone.now())
    for url in ("redis://:secret@127.0.0.1:1/0", "redis+socket:///nowhere/secret.sock", "nonsense"):
        settings.BROKER_URL = url
        status, content = ready(client)
        assert (status, content["checks"]["broker"]["state"]) == (503, "failing")
        assert "secret" not in str(content)


def test_an_unreachable_database_fails_readiness_quickly(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = connection.get_connection_params()
    gone = {**parameters, "host": "192.0.2.1", "port": 5432}
    monkeypatch.setattr(connection, "get_connection_params", lambda: gone)
    began = time.monotonic()
    status, content = ready(client)
    assert time.monotonic() - began < 10
    assert (status, content["checks"]["database"]["state"]) == (503, "failing")
    assert content["checks"]["sweep"]["state"] == "unknown"
    assert client.get("/healthz").status_code == 200


def test_health_is_read_only(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert client.head("/readyz").status_code == 503
