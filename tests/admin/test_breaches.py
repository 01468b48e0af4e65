"""Acknowledging breaches in the admin."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from compliance.models import (
    Breach,
    Deadline,
    User,
)
from tests.admin.pages import address, errors
from tests.samples import create_agreement, obligation, utc


def test_a_breach_is_acknowledged_for_a_week(browser: Client, desk: User, missed: Deadline) -> None:
    url = address("deadline", "acknowledge", missed.pk)
    browser.get(url)
    assert Breach.objects.get().acknowledged_at is None

    now = timezone.now()
    assert browser.post(url, {"timezone": "UTC"}).status_code == 302
    breach = Breach.objects.get()
    assert breach.acknowledged_until is not None
    assert abs(breach.acknowledged_until - now - timedelta(days=7)) < timedelta(minutes=5)
    assert breach.acknowledged_as == desk.email
    for page in (address("breach", "changelist"), address("deadline", "change", missed.pk)):
        assert desk.email in browser.get(page).content.decode().partition("Breaches")[2]


def test_a_breach_is_acknowledged_until_an_instant(browser: Client, missed: Deadline) -> None:
    breach = Breach.objects.get()
    url = address("breach", "acknowledge", breach.pk)
    wrong = browser.post(url, {"until_on": "2026-01-01", "timezone": "UTC"})
    assert "within the next 90 days" in " ".join(errors(wrong)["until_on"])
    on = (timezone.now() + timedelta(days=3)).date()
    values = {"until_on": on.isoformat(), "until_time": "12:00", "timezone": "Asia/Shanghai"}
    assert browser.post(url, values).status_code == 302
    breach.refresh_from_db()
    assert breach.acknowledged_until == utc(f"{on}T04:00")


def test_only_an_unmet_deadline_can_be_acknowledged(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-01-01"))
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "acknowledge" not in page
    assert browser.post(address("deadline", "acknowledge", deadline.pk)).status_code == 403
