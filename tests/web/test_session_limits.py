"""Sessions end after a time without use, and some days after the sign-in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client, RequestFactory

from compliance.models import AuditEntry, User
from compliance.web.session_limits import SessionLimitMiddleware
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


@pytest.mark.exhaustive
def test_a_session_in_constant_use_ends_after_two_weeks(signed_in: Client) -> None:
    for hours in range(7, 14 * 24, 7):
        assert is_signed_in(signed_in, START + hours * HOUR)
    assert not is_signed_in(signed_in, START + 14 * 24 * HOUR + timedelta(seconds=1))


def test_use_is_stored_at_most_once_in_a_minute(signed_in: Client) -> None:
    def noted_at(seconds: int) -> datetime:
        assert is_signed_in(signed_in, START + timedelta(seconds=seconds))
        at: datetime = UserSession.objects.get().last_seen_at
        return at

    first = noted_at(1)
    assert noted_at(60) == first
    assert noted_at(61) == START + timedelta(seconds=61)


def test_noting_the_use_of_a_session_undoes_no_parallel_change(signed_in: Client) -> None:
    assert is_signed_in(signed_in, START + timedelta(seconds=1))
    key = signed_in.session.session_key

    def answer_slowly(request: HttpRequest) -> HttpResponse:
        assert request.session["_auth_user_id"]
        other = SessionStore(key)
        other["confirmed"] = True
        other.save()
        return HttpResponse()

    with time_machine.travel(START + HOUR, tick=False):
        assert _answered(answer_slowly, key).status_code == 200
        assert SessionStore(key)["confirmed"] is True
    assert UserSession.objects.get().last_seen_at == START + HOUR


def test_a_session_with_a_new_key_was_in_use_until_it_got_it(signed_in: Client) -> None:
    for hours in range(1, 10):
        assert is_signed_in(signed_in, START + hours * HOUR)

    def replace_key(request: HttpRequest) -> HttpResponse:
        request.session.cycle_key()
        return HttpResponse()

    with time_machine.travel(START + 10 * HOUR, tick=False):
        response = _answered(replace_key, signed_in.session.session_key)
    signed_in.cookies.update(response.cookies)
    assert is_signed_in(signed_in, START + 18 * HOUR)
    assert not is_signed_in(signed_in, START + 26 * HOUR + timedelta(minutes=1))


def test_a_page_is_answered_if_its_session_is_ended_meanwhile(signed_in: Client) -> None:
    assert is_signed_in(signed_in, START + timedelta(seconds=1))
    key = signed_in.session.session_key

    def answer_slowly(_: HttpRequest) -> HttpResponse:
        UserSession.objects.get().end()
        return HttpResponse()

    with time_machine.travel(START + HOUR, tick=False):
        assert _answered(answer_slowly, key).status_code == 200
    assert not SessionStore().exists(str(key))
    assert not UserSession.objects.exists()


def _answered(answer: Callable[[HttpRequest], HttpResponse], key: str | None) -> HttpResponseBase:
    """Return the response to a request with a session through all middleware of sessions."""
    request = RequestFactory().get("/admin/")
    request.COOKIES[settings.SESSION_COOKIE_NAME] = str(key)
    limited = AuthenticationMiddleware(SessionLimitMiddleware(answer))
    response = SessionMiddleware(limited)(request)
    assert isinstance(response, HttpResponseBase)
    return response
