"""Sessions end after a time without use, and some days after the sign-in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from compliance.models import AuditEntry, User
from tests.samples import utc

pytestmark = pytest.mark.django_db
START = utc("2026-03-02T09:00")
HOUR = timedelta(hours=1)


@pytest.fixture
def signed_in(settings: Any) -> Client:
    """A client of somebody who signed in at `START`."""
    settings.SESSION_IDLE_MINUTES, settings.SESSION_DAYS = 480, 14
    user = User.objects.create_superuser("ana@example.org", "secret")
    client = Client()
    with time_machine.travel(START, tick=False):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def is_signed_in(client: Client, moment: Any) -> bool:
    """Return whether the admin and the API still know the user at this moment."""
    with time_machine.travel(moment, tick=False):
        page = client.get("/admin/")
        api = client.get("/api/v1/users/me/")
    assert (page.status_code == 200) is (api.status_code == 200)
    return page.status_code == 200


def test_a_session_without_use_for_eight_hours_ends(signed_in: Client) -> None:
    assert is_signed_in(signed_in, START + 8 * HOUR)
    assert is_signed_in(signed_in, START + 16 * HOUR)
    assert not is_signed_in(signed_in, START + 24 * HOUR + timedelta(minutes=1))
    # It is over, whatever the clock says.
    assert not is_signed_in(signed_in, START)
    assert AuditEntry.objects.filter(action="signed_out").exists()


def test_a_session_in_constant_use_ends_after_two_weeks(signed_in: Client) -> None:
    for hours in range(7, 14 * 24, 7):
        assert is_signed_in(signed_in, START + hours * HOUR)
    assert not is_signed_in(signed_in, START + 14 * 24 * HOUR + timedelta(seconds=1))


def test_use_is_stored_at_most_once_in_a_minute(
    signed_in: Client, django_assert_max_num_queries: Any
) -> None:
    from django.contrib.sessions.models import Session

    def stored(seconds: int) -> str:
        assert is_signed_in(signed_in, START + timedelta(seconds=seconds))
        return Session.objects.get().session_data

    first = stored(59)
    assert stored(59) == first
    assert stored(60) != first
