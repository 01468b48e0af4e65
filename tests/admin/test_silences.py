"""Silences in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from compliance.models import (
    Deadline,
    Silence,
    User,
)
from tests.admin.pages import address, errors
from tests.samples import create_agreement, utc


def silence_form(**values: Any) -> dict[str, Any]:
    """Return what the page posts for a silence until the end of tomorrow."""
    tomorrow = (timezone.now() + timedelta(days=1)).date()
    return {
        "agreement": "supply", "deadline": "", "until_on": tomorrow.isoformat(),
        "until_time": "", "timezone": "UTC", "reason": "The parties talk.", **values,
    }  # fmt: skip


def test_a_silence_is_started_from_a_deadline_and_ended(
    browser: Client, desk: User, missed: Deadline
) -> None:
    begin = browser.get(address("deadline", "silence", missed.pk))
    form = browser.get(begin["Location"]).context["adminform"].form
    assert form.initial["deadline"] == missed.pk
    assert form.initial["agreement"] == "supply"
    assert form.initial["timezone"] == missed.timezone

    response = browser.post(address("silence", "add"), silence_form(deadline=str(missed.pk)))
    assert response.status_code == 302, errors(response)
    silence = Silence.objects.get()
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert silence.until_at == today + timedelta(days=2)
    assert (silence.deadline, silence.created_by) == (missed, desk)
    page = browser.get(address("deadline", "change", missed.pk)).content.decode()
    assert "The parties talk." in page

    end = address("silence", "end_now", silence.pk)
    browser.get(end)
    silence.refresh_from_db()
    assert silence.ended_at is None
    browser.post(end)
    silence.refresh_from_db()
    assert silence.ended_at is not None
    page = browser.get(address("deadline", "change", missed.pk)).content.decode()
    assert "The parties talk." not in page


def test_problems_of_a_silence_are_shown_on_their_field(browser: Client, missed: Deadline) -> None:
    other = create_agreement(ref="other", as_of=utc("2026-02-01T00:00"))
    for values, place, said in (
        ({"deadline": str(other.pk)}, "deadline", "has no deadline"),
        ({"until_on": "2026-01-01"}, "until_on", "within the next 366 days"),
        ({"until_on": "2126-01-01"}, "until_on", "within the next 366 days"),
        ({"until_on": ""}, "until_on", "required"),
        ({"timezone": "Berlin"}, "timezone", "Europe/Berlin"),
        ({"reason": ""}, "reason", "required"),
        ({"agreement": ""}, "agreement", "required"),
    ):
        response = browser.post(address("silence", "add"), silence_form(**values))
        assert said in " ".join(errors(response)[place]), values
    assert not Silence.objects.exists()


def test_active_silences_are_listed_first(browser: Client, desk: User, missed: Deadline) -> None:
    now = timezone.now()
    rows = [("over", now), ("later", None), ("next", None)]
    for number, (reason, ended_at) in enumerate(rows):
        Silence.objects.create(
            agreement=missed.agreement,
            until_at=now + timedelta(days=9 - number),
            reason=reason,
            created_at=now,
            created_by=desk,
            ended_at=ended_at,
        )
    found = browser.get(address("silence", "changelist")).context["cl"].result_list
    assert [silence.reason for silence in found] == ["next", "later", "over"]
