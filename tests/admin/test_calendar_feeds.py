"""Calendar feeds in the admin."""

from __future__ import annotations

from django.test import Client

from compliance.models import (
    Feed,
)
from tests.admin.conftest import logged_in, staff
from tests.admin.pages import address
from tests.samples import agree


def test_a_feed_is_created_with_its_url_shown_once_and_revoked(browser: Client) -> None:
    agree()
    made = browser.post(address("feed", "add"), {"name": "phone", "agreement": "supply"})
    shown = made.context["secret"].value
    path = shown[shown.index("/feeds/") :]
    assert Client().get(path).status_code == 200
    assert "no-store" in made["Cache-Control"]
    feed = Feed.objects.get()
    for page in (address("feed", "changelist"), address("feed", "change", feed.pk)):
        assert path not in browser.get(page).content.decode()

    revoke = address("feed", "revoke", feed.pk)
    browser.get(revoke)
    assert Client().get(path).status_code == 200
    browser.post(revoke)
    assert Client().get(path).status_code == 404


def test_users_see_their_own_feeds_and_superusers_see_all(browser: Client) -> None:
    clerk = logged_in(staff("clerk@example.org", "add_feed", "view_feed", "view_deadline"))
    clerk.post(address("feed", "add"), {"name": "mine", "agreement": ""})
    browser.post(address("feed", "add"), {"name": "of the desk", "agreement": ""})
    listing = address("feed", "changelist")
    assert "of the desk" not in clerk.get(listing).content.decode()
    assert "mine" in browser.get(listing).content.decode()
    other = Feed.objects.get(name="of the desk")
    assert clerk.post(address("feed", "revoke", other.pk)).status_code == 404
    other.refresh_from_db()
    assert other.revoked_at is None
