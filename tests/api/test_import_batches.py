"""Imports are listed, and administrators purge them with a reason."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from compliance.models import ImportBatch, User
from tests.api.answers import BASE, get, post, rows
from tests.samples import create_agreement, document, obligation

pytestmark = pytest.mark.django_db
WHY = {"reason": "The wrong file."}
PERFORMED = {"type": "performance", "on": "2026-03-10"}


@pytest.fixture
def api(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    return client


def imported(api: Client) -> dict[str, Any]:
    create_agreement()
    value = document("supply", obligation(facts=[PERFORMED]))
    report: dict[str, Any] = post(api, "agreements/import/?source_name=march.json", value, 201)
    return report


def test_an_import_is_listed_with_who_did_it_and_what_it_stored(api: Client) -> None:
    report = imported(api)
    batch = rows(api, "imports/?agreement=supply")[0]
    assert get(api, f"imports/{report['import_id']}/") == batch
    assert batch["imported_by"] == "ana@example.org"
    assert (batch["source_name"], batch["mode"], batch["is_new_agreement"]) == (
        "march.json", "add", False,
    )  # fmt: skip
    assert batch["counts"] == {
        "obligations": 0, "milestones": 0, "facts": 1, "positions": 0, "evidence": 0,
        "corrections": 0,
    }  # fmt: skip
    again = post(api, "agreements/import/", document("supply", obligation(facts=[PERFORMED])), 200)
    assert again["import_id"] is None


def test_a_purged_import_leaves_the_deadline_as_it_was(api: Client) -> None:
    report = imported(api)
    [deadline] = rows(api, "deadlines/?agreement=supply")
    assert deadline["status"] == "met"
    tombstone = post(api, f"imports/{report['import_id']}/purge/", WHY, 200)
    assert (tombstone["subject"], tombstone["reason"]) == ("import", WHY["reason"])
    [deadline] = rows(api, "deadlines/?agreement=supply")
    assert deadline["status"] == "unmet"
    assert rows(api, f"facts/?deadline={deadline['id']}") == []
    get(api, f"imports/{report['import_id']}/", 404)


def test_a_refused_purge_names_the_later_record(api: Client) -> None:
    report = imported(api)
    [deadline] = rows(api, "deadlines/?agreement=supply")
    [fact] = rows(api, f"facts/?deadline={deadline['id']}")
    retraction = {"type": "retraction", "supersedes": fact["id"], "confirm": True}
    later = post(api, "facts/", {"deadline": deadline["id"], **retraction}, 201)
    problem = post(api, f"imports/{report['import_id']}/purge/", WHY, 400)
    assert f"retraction {later['id']} of" in str(problem)


def test_purging_an_import_needs_its_own_permission(client: Client) -> None:
    create_agreement()
    user = User.objects.create_user("ben@example.org", "x", is_staff=True)
    every = Permission.objects.filter(content_type__app_label="compliance")
    user.user_permissions.set(every.exclude(codename="purge_importbatch"))
    client.force_login(user)
    batch = ImportBatch.objects.get()
    response = client.post(f"{BASE}imports/{batch.pk}/purge/", WHY, "application/json")
    assert response.status_code == 403
    page = f"/admin/compliance/importbatch/{batch.pk}"
    assert client.get(f"{page}/change/").status_code == 200
    assert client.get(f"{page}/purge-import/").status_code == 403


def test_the_admin_shows_what_a_purge_removes_before_it_removes_it(api: Client) -> None:
    report = imported(api)
    listed = api.get("/admin/compliance/importbatch/")
    assert "march.json" in listed.content.decode()
    page = f"/admin/compliance/importbatch/{report['import_id']}/purge-import/"
    assert "To be removed: 1 fact" in api.get(page).content.decode()
    response = api.post(page, WHY)
    assert response.status_code == 302, response.content.decode()
    assert ImportBatch.objects.count() == 1
