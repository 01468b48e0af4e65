"""Parties in the admin."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.models import (
    Party,
)
from tests.admin.pages import address, errors, filled_in
from tests.samples import create_agreement


def test_a_party_is_added_and_changed(browser: Client) -> None:
    party = {"code": "CHN", "name": "China", "kind": "state", "country": "", "timezone": "UTC"}
    assert browser.post(address("party", "add"), party).status_code == 302
    stored = Party.objects.get()
    assert stored.country is None

    url = address("party", "change", stored.pk)
    browser.post(url, {**filled_in(browser, url), "code": "XXX", "timezone": "Asia/Shanghai"})

    stored.refresh_from_db()
    assert (stored.code, stored.timezone) == ("CHN", "Asia/Shanghai")


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"code": "chn"}, "code"),
        ({"code": "ACME"}, "code"),
        ({"kind": ""}, "kind"),
        ({"country": "China"}, "country"),
        ({"timezone": "Beijing"}, "timezone"),
        ({"name": "two\nlines"}, "name"),
    ],
)
def test_problems_of_a_party_are_shown_on_their_field(
    browser: Client, values: dict[str, str], place: str
) -> None:
    create_agreement()
    party = {"code": "USA", "name": "x", "kind": "state", "country": "US", "timezone": "UTC"}

    response = browser.post(address("party", "add"), {**party, **values})

    assert place in errors(response)
    assert Party.objects.count() == 2


def test_changing_the_zone_of_a_party_moves_its_deadlines(browser: Client) -> None:
    deadline = create_agreement()
    url = address("party", "change", Party.objects.get(code="CHN").pk)

    browser.post(url, {**filled_in(browser, url), "timezone": "UTC"})

    deadline.refresh_from_db()
    assert deadline.timezone == "UTC"
