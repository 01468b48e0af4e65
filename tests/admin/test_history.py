"""The history pages of the admin."""

from __future__ import annotations

from django.test import Client

from tests.admin.pages import address, filled_in
from tests.samples import create_agreement


def test_the_history_shows_who_changed_what(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)
    values = {
        **filled_in(browser, url),
        "title": "Renamed",
        "obligations-0-severity": "critical",
        "obligations-0-responsible": "lee@example.org",
    }
    assert browser.post(url, values).status_code == 302

    page = browser.get(address("agreement", "history", deadline.agreement_id)).content.decode()
    for part in ("desk@example.org", "Agreement supply", "Renamed", "no user", "party CHN"):
        assert part in page, part
    page = browser.get(address("obligation", "history", deadline.obligation_id)).content.decode()
    for part in (
        "desk@example.org",
        "normal",
        "critical",
        "obligor CHN",
        "responsible lee@example.org",
    ):
        assert part in page, part


def test_the_history_shows_the_reason_that_a_form_states(browser: Client) -> None:
    deadline = create_agreement()
    url = address("agreement", "change", deadline.agreement_id)
    assert b"Reason for the change" in browser.get(url).content
    values = {**filled_in(browser, url), "title": "Renamed", "change_reason": "As signed."}
    assert browser.post(url, values).status_code == 302
    page = browser.get(address("agreement", "history", deadline.agreement_id)).content.decode()
    assert "Reason: As signed." in page
