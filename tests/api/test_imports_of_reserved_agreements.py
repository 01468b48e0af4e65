"""Imports into agreements that a user may not see do not exist for the user."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from compliance.models import Agreement, ImportBatch, User
from compliance.models.people.readers import reader_of, reading_as
from tests.api.answers import BASE, get, post, rows
from tests.reserved_agreement import member, reserve
from tests.samples import create_agreement, document, load, obligation, utc

pytestmark = pytest.mark.django_db
NOW = utc("2026-02-01T00:00")
ROLES = ("viewer", "analyst", "reviewer")


@pytest.fixture
def hidden() -> ImportBatch:
    """Return the import of an agreement that is reserved for the team asia."""
    create_agreement(ref="open", as_of=NOW)
    load(document("reserved", obligation()), as_of=NOW)
    reserve(Agreement.objects.get(ref="reserved"), "asia")
    return ImportBatch.objects.get(agreement__ref="reserved")


def _sign_in(client: Client, user: User) -> Client:
    user.is_staff = True
    user.save()
    user.groups.set(_groups())
    client.force_login(user)
    return client


def _groups() -> list[int]:
    return [each.pk for each in Group.objects.filter(name__in=ROLES)]


def test_an_import_into_a_reserved_agreement_exists_for_its_team_only(
    client: Client, hidden: ImportBatch
) -> None:
    page = f"/admin/compliance/importbatch/{hidden.pk}/change/"
    changelist = "/admin/compliance/importbatch/"
    _sign_in(client, member("in@example.org", "asia"))
    assert {each["agreement"] for each in rows(client, "imports/")} == {"open", "reserved"}
    assert get(client, f"imports/{hidden.pk}/")["agreement"] == "reserved"
    assert client.get(page).status_code == 200
    assert "reserved" in client.get(changelist).content.decode()

    _sign_in(client, member("out@example.org"))
    assert {each["agreement"] for each in rows(client, "imports/")} == {"open"}
    foreign = client.get(f"{BASE}imports/{hidden.pk}/")
    missing = client.get(f"{BASE}imports/{hidden.pk + 1000}/")
    assert (foreign.status_code, foreign.json()["detail"]) == (404, missing.json()["detail"])
    assert client.get(page).status_code in {302, 404}
    assert "reserved" not in client.get(changelist).content.decode()


def test_a_token_of_an_administrator_for_other_agreements_cannot_purge_the_import(
    client: Client, hidden: ImportBatch
) -> None:
    boss = User.objects.create_superuser("ana@example.org", "x")
    limited = reader_of(boss).limited_to(
        agreements=frozenset({Agreement.objects.get(ref="open").pk})
    )
    with reading_as(limited):
        assert not ImportBatch.objects.filter(pk=hidden.pk).exists()
    client.force_login(boss)
    made = post(
        client, "tokens/", {"name": "narrow", "is_read_only": False, "agreements": ["open"]}, 201
    )
    client.logout()
    foreign, missing = (
        client.post(
            f"{BASE}imports/{pk}/purge/",
            {"reason": "The wrong file."},
            "application/json",
            headers={"Authorization": f"Bearer {made['token']}"},
        )
        for pk in (hidden.pk, hidden.pk + 1000)
    )
    assert foreign.status_code in {403, 404}
    assert (foreign.status_code, foreign.json()) == (missing.status_code, missing.json())
    assert ImportBatch.objects.filter(pk=hidden.pk).exists()
