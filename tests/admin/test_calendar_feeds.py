"""Calendar feeds in the admin."""

from __future__ import annotations

from django.test import Client

from compliance.models import (
    CalendarFeed,
)
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address
from tests.samples import create_agreement


def test_a_feed_is_created_with_its_url_shown_once_and_revoked(browser: Client) -> None:
    create_agreement()
    made = browser.post(address("calendarfeed", "add"), {"name": "phone", "agreement": "supply"})
    shown = made.context["secret"].value
    path = shown[shown.index("/calendar-feeds/") :]
    assert Client().get(path).status_code == 200
    assert "no-store" in made["Cache-Control"]
    feed = CalendarFeed.objects.get()
    for page in (address("calendarfeed", "changelist"), address("calendarfeed", "change", feed.pk)):
        assert path not in browser.get(page).content.decode()

    revoke = address("calendarfeed", "revoke", feed.pk)
    browser.get(revoke)
    assert Client().get(path).status_code == 200
    browser.post(revoke)
    assert Client().get(path).status_code == 404


def test_users_see_their_own_feeds_and_superusers_see_all(browser: Client) -> None:
    clerk = logged_in(
        staff("clerk@example.org", "add_calendarfeed", "view_calendarfeed", "view_deadline")
    )
    clerk.post(address("calendarfeed", "add"), {"name": "mine", "agreement": ""})
    browser.post(address("calendarfeed", "add"), {"name": "of the desk", "agreement": ""})
    listing = address("calendarfeed", "changelist")
    assert "of the desk" not in clerk.get(listing).content.decode()
    assert "mine" in browser.get(listing).content.decode()
    other = CalendarFeed.objects.get(name="of the desk")
    assert clerk.post(address("calendarfeed", "revoke", other.pk)).status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None
