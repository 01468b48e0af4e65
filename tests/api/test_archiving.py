"""Lists omit an archived agreement. Archiving and restoring need a permission and a reason."""

from __future__ import annotations

import pytest
from django.test import Client

from compliance.models import User
from tests.api.answers import BASE, get, post, rows
from tests.samples import create_agreement, utc

WHY = {"reason": "It was imported by mistake."}


@pytest.fixture
def api(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    return client


def test_lists_omit_an_archived_agreement_until_it_is_restored(api: Client) -> None:
    deadline = create_agreement(as_of=utc("2026-02-01T00:00"))
    create_agreement(ref="other")
    before = {path: get(api, path) for path in _LISTS[1:]}
    shown = post(api, "agreements/supply/archive/", WHY, 200)
    assert (shown["status"], shown["archived_by"]) == ("archived", "ana@example.org")
    assert shown["archive_reason"] == WHY["reason"]
    for path in _LISTS:
        assert "supply" not in str(get(api, path)), path
    assert [row["ref"] for row in rows(api, "agreements/", status="archived")] == ["supply"]
    assert rows(api, "deadlines/", agreement="supply") == []
    archived = rows(api, "deadlines/", agreement_status="archived")
    assert [row["id"] for row in archived] == [deadline.pk]
    named = rows(api, "changes/between/", since="2026-01-01", agreement="supply")
    assert [row["deadline"] for row in named] == [deadline.pk]
    assert get(api, f"deadlines/{deadline.pk}/why/")["agreement_status"] == "archived"
    assert post(api, "agreements/supply/archive/", WHY, 400)["detail"]
    post(api, "agreements/supply/restore/", {"reason": "a" * 1_001}, 400)
    assert post(api, "agreements/supply/restore/", {"reason": "a" * 1_000}, 200)
    post(api, "agreements/supply/archive/", WHY, 200)
    restored = post(api, "agreements/supply/restore/", {"reason": "It is needed."}, 200)
    assert (restored["status"], restored["archived_at"]) == ("in_force", None)
    assert restored["archive_reason"] == "It is needed."
    assert {path: get(api, path) for path in _LISTS[1:]} == before


_LISTS = (
    "agreements/", "deadlines/", "obligations/", "breaches/", "facts/", "evidence/", "alerts/",
    "positions/", "determinations/", "proposals/", "silences/", "changes/",
    "summary/?group_by=agreement", "changes/between/?since=2026-01-01",
)  # fmt: skip


def test_archiving_needs_the_permission_to_change_and_a_reason(client: Client, db: None) -> None:
    create_agreement()
    user = User.objects.create_user("ben@example.org", "x")
    client.force_login(user)
    response = client.post(f"{BASE}agreements/supply/archive/", WHY, "application/json")
    assert response.status_code == 403
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    post(client, "agreements/supply/archive/", {}, 400)
    post(client, "agreements/nothing/archive/", WHY, 404)


def test_the_admin_archives_and_restores_with_a_reason(api: Client) -> None:
    deadline = create_agreement()
    page = f"/admin/compliance/agreement/{deadline.agreement_id}"
    assert "Nothing is removed" in api.get(f"{page}/archive-agreement/").text
    api.post(f"{page}/archive-agreement/", {"reason": "A test"})
    assert "supply" not in api.get("/admin/compliance/agreement/").text
    assert "supply" in api.get("/admin/compliance/agreement/?agreement_status=archived").text
    assert "O-1" not in api.get("/admin/compliance/deadline/").text
    assert "O-1" in api.get("/admin/compliance/deadline/?agreement_status=archived").text
    assert "A test" in api.get(f"{page}/history/").text
    assert api.get(f"{page}/archive-agreement/").status_code in {302, 403}
    api.post(f"{page}/restore-agreement/", {"reason": "It is needed"})
    assert "supply" in api.get("/admin/compliance/agreement/").text
