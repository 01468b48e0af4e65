"""seals/: the roots that outsiders keep to compare later."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from compliance.models import User
from compliance.operations.integrity import seals
from tests.api.answers import BASE, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, utc

pytestmark = pytest.mark.django_db

NOW = utc("2026-02-02T00:30")


def test_seals_are_listed_oldest_first_with_their_roots(api: Client) -> None:
    create_agreement()
    made = [seals.seal(as_of=NOW + timedelta(days=day)) for day in range(3)]
    found = rows(api, "seals/")
    assert [row["root"] for row in found] == [each.root.hex() for each in made if each]
    assert [row["hash"] for row in found] == [each.hash.hex() for each in made if each]
    assert found[0] == api.get(f"{BASE}seals/{found[0]['id']}/").json()
    assert (found[0]["sealed_at"], found[0]["chains"]) == ("2026-02-02T00:30:00Z", 1)


def test_only_those_who_see_everything_see_how_much_was_sealed(api: Client) -> None:
    create_agreement()
    seals.seal(as_of=NOW)
    viewer = User.objects.create_user("viewer@example.org", is_staff=True)
    viewer.groups.add(Group.objects.get(name="viewer"))
    client, browser = client_of(viewer), Client()
    browser.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")
    [full], [limited] = rows(api, "seals/"), rows(client, "seals/")
    totals = {"chains": None, "last_fact": None, "last_entry": None}
    assert limited == full | totals
    assert limited == client.get(f"{BASE}seals/{full['id']}/").json()
    for page in ("", f"{full['id']}/change/"):
        shown = browser.get(f"/admin/compliance/seal/{page}").content.decode()
        assert full["root"] in shown
        assert "chains" not in shown.lower().partition("<main")[2]
        assert "last fact" not in shown.lower()


def test_seals_are_read_only(api: Client) -> None:
    seals.seal(as_of=NOW)
    [row] = rows(api, "seals/")
    address = f"{BASE}seals/{row['id']}/"
    for verb in (api.post, api.patch, api.put, api.delete):
        assert verb(address, {}, content_type="application/json").status_code == 405
    assert api.post(f"{BASE}seals/", {}, content_type="application/json").status_code == 405
    assert api.get(f"{BASE}seals/999999/").status_code == 404
