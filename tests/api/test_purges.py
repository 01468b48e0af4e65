"""Only administrators purge an agreement, and only with a reason."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import Client

from compliance.models import Agreement, User
from tests.api.answers import BASE, get, post, rows
from tests.samples import create_agreement, obligation, subscribe

pytestmark = pytest.mark.django_db
WHY = {"reason": "It was imported twice."}


@pytest.fixture
def api(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    return client


def test_a_purged_agreement_does_not_exist_any_more(api: Client) -> None:
    deadline = create_agreement()
    subscribe(agreement=deadline.agreement)
    create_agreement(ref="kept")
    tombstone = post(api, "agreements/supply/purge/", WHY, 200)
    assert tombstone["ref"] == "supply"
    assert tombstone["reason"] == WHY["reason"]
    assert tombstone["purged_by"] == "ana@example.org"
    assert tombstone["counts"]["compliance_ledgerentry"] == 1
    get(api, "agreements/supply/", 404)
    get(api, f"deadlines/{deadline.pk}/", 404)
    post(api, "agreements/supply/purge/", WHY, 404)
    assert [row["ref"] for row in rows(api, "agreements/")] == ["kept"]
    assert rows(api, "tombstones/") == [tombstone]
    *imported, removed = rows(api, f"tombstones/{tombstone['id']}/rows/")
    tables = [each["table"] for each in imported]
    assert tables == ["compliance_importbatch", "compliance_importedrows"]
    assert (removed["table"], removed["key"]) == ("compliance_ledgerentry", deadline.pk)
    assert [len(each) for each in removed["hashes"]] == [64]
    out = StringIO()
    call_command("verify_ledger", stdout=out)
    assert "Gap: agreement supply was purged" in out.getvalue()
    assert "by ana@example.org: It was imported twice." in out.getvalue()
    create_agreement()  # the ref is free again


def test_purging_needs_its_own_permission_and_a_reason(client: Client) -> None:
    create_agreement()
    user = User.objects.create_user("ben@example.org", "x", is_staff=True)
    every = Permission.objects.filter(content_type__app_label="compliance")
    user.user_permissions.set(every.exclude(codename="purge_agreement"))
    client.force_login(user)
    response = client.post(f"{BASE}agreements/supply/purge/", WHY, "application/json")
    assert (response.status_code, Agreement.objects.count()) == (403, 1)
    assert "purge agreements" in response.json()["detail"]
    page = f"/admin/compliance/agreement/{Agreement.objects.get().pk}/purge-agreement/"
    assert client.get(page).status_code == 403
    user.user_permissions.add(*every.filter(codename="purge_agreement"))
    client.force_login(User.objects.get(pk=user.pk))
    post(client, "agreements/supply/purge/", {}, 400)
    post(client, "agreements/supply/purge/", {"reason": " "}, 400)
    post(client, "agreements/supply/purge/", WHY, 200)


def test_the_admin_states_what_a_purge_removes_and_asks_for_the_ref(api: Client) -> None:
    deadline = create_agreement()
    page = f"/admin/compliance/agreement/{deadline.agreement_id}/purge-agreement/"
    text = api.get(page).text
    assert "This cannot be undone" in text
    assert "1 deadline" in text
    api.post(page, {"reason": "Twice", "ref": "other"})
    assert Agreement.objects.count() == 1
    answer = api.post(page, {"reason": "Twice", "ref": "supply"}, follow=True)
    assert answer.status_code == 200
    assert Agreement.objects.count() == 0
    assert "Twice" in api.get("/admin/compliance/tombstone/").text


def test_a_purge_that_a_record_of_another_agreement_prevents_is_refused_with_the_way_out(
    api: Client,
) -> None:
    replaced = create_agreement()
    create_agreement(obligation("N-1"), ref="later")
    fact = {"type": "replacement", "on": "2026-03-01", "successor": "N-1"}
    named = post(api, "facts/", {"deadline": replaced.pk, "successor_agreement": "later", **fact})
    detail = post(api, "agreements/later/purge/", WHY, 400)["detail"]
    assert f"fact {named['id']} about" in detail
    assert "Retract" in detail
    retraction = {"type": "retraction", "supersedes": named["id"], "confirm": True}
    post(api, "facts/", {"deadline": replaced.pk, **retraction})
    post(api, "agreements/later/purge/", WHY, 200)
    post(api, "agreements/supply/purge/", WHY, 200)
