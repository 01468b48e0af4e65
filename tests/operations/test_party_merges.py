"""A merge moves everything from a duplicate party. Retired parties are no longer accepted."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from compliance.domain.problems import Invalid
from compliance.models import (
    Agreement,
    AgreementParty,
    Deadline,
    Evidence,
    ObligationParty,
    Party,
    Position,
    Subscription,
    User,
)
from compliance.operations.agreements import party_merges
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from tests.api.answers import get, paths, post, rows
from tests.samples import (
    BUYER,
    SUPPLIER,
    create_agreement,
    document,
    load,
    obligation,
    record,
    state_position,
    utc,
)

pytestmark = pytest.mark.django_db

NOW = utc("2026-08-01T00:00")
TWIN = {**SUPPLIER, "code": "CHINA", "name": "PR China", "timezone": "Asia/Urumqi"}
EVIDENCE = {"ref": "E1", "title": "Record", "kind": "statement", "stance": "for"}


_DUE = {"type": "date", "on": "2026-03-15", "timezone": "Asia/Shanghai"}


def set_up() -> Deadline:
    """Store an agreement of the duplicate, one of the other party, and one of both."""
    own = obligation("O-1", obligors=["CHINA"])
    said = [EVIDENCE | {"asserted_by": "CHINA"}]
    load(document("twin", own, parties=[BUYER, TWIN], evidence=said), as_of=NOW)
    create_agreement(ref="plain")
    both = [
        obligation("O-1", obligors=["CHINA"]),
        obligation("O-2", obligors=["CHINA", "CHN"], due=_DUE),
    ]
    load(document("both", *both, parties=[BUYER, TWIN, SUPPLIER]), as_of=NOW)
    deadline = Deadline.objects.get(agreement__ref="twin")
    state_position(deadline, as_of=NOW, party="CHINA", verdict="met", on="2026-03-01")
    record(deadline, as_of=NOW, type="performance", on="2026-03-01")
    Subscription.objects.create(email="a@example.org", party=Party.objects.get(code="CHINA"))
    Subscription.objects.create(email="a@example.org", party=Party.objects.get(code="CHN"))
    Subscription.objects.create(email="b@example.org", party=Party.objects.get(code="CHINA"))
    return deadline


def merge() -> party_merges.MergeEffect:
    return party_merges.merge(
        duplicate=Party.objects.get(code="CHINA"),
        into=Party.objects.get(code="CHN"),
        reason="The same state",
        by=None,
        as_of=NOW,
    )


def test_everything_moves_and_all_hashes_stay_valid() -> None:
    deadline = set_up()
    before = seals.seal(as_of=NOW)
    effect = merge()
    assert (effect.agreements, effect.shared_agreements, effect.obligations) == (2, 1, 3)
    assert (effect.positions, effect.evidence, effect.subscriptions) == (1, 1, 2)
    twin = Party.objects.get(code="CHINA")
    assert twin.merged_into is not None
    assert twin.merged_into.code == "CHN"
    for model in apps.get_app_config("compliance").get_models():
        for field in model._meta.concrete_fields:
            if field.related_model is Party and not model.__name__.endswith("Event"):
                manager: Any = model._base_manager
                assert not manager.filter(**{field.name: twin}).exists(), (model, field)
    assert ObligationParty.objects.filter(obligation__ref="O-2", capacity="obligor").count() == 1
    assert AgreementParty.objects.filter(agreement__ref="both").count() == 2
    assert Position.objects.get().party.code == "CHN"
    assert Evidence.objects.get().asserted_by == twin.merged_into
    assert Subscription.objects.count() == 2
    deadline.refresh_from_db()
    assert deadline.timezone == "Asia/Shanghai"
    assert deadline.status == "met"
    found = integrity.check(as_of=timezone.now(), every_seal=True)
    assert before is not None
    assert found.bad_rows == []


def test_two_positions_of_what_is_one_party_are_no_dispute() -> None:
    set_up()
    deadline = Deadline.objects.filter(agreement__ref="both").order_by("id")[0]
    state_position(deadline, as_of=NOW, party="CHINA", verdict="met", on="2026-03-01")
    state_position(deadline, as_of=NOW, party="CHN", verdict="not_met", on="2026-03-02")
    assert deadline.is_disputed
    merge()
    deadline.refresh_from_db()
    assert not deadline.is_disputed


def test_a_party_never_comes_to_owe_to_itself() -> None:
    owed = obligation("O-1", obligors=["CHINA"], obligees=["CHN"])
    load(document("both", owed, parties=[TWIN, SUPPLIER]), as_of=NOW)
    with pytest.raises(Invalid, match="O-1 in both"):
        merge()
    assert Party.objects.get(code="CHINA").retired_at is None


def test_a_retired_party_is_shown_but_not_accepted_in_new_entries(api: Client) -> None:
    create_agreement()
    shown = post(api, "parties/CHN/retire/", {"reason": "Gone"}, 200)
    assert (shown["retire_reason"], shown["merged_into"]) == ("Gone", None)
    assert [row["code"] for row in rows(api, "parties/", is_retired=True)] == ["CHN"]
    problem = post(api, "agreements/import/", document("new"), 400)
    assert paths(problem) == {"parties/1/code"}
    members = [{"code": "ACME"}, {"code": "CHN"}]
    draft = {"ref": "new", "title": "New", "kind": "contract", "parties": members}
    assert paths(post(api, "agreements/", draft, 400)) == {"parties/1/code"}
    # What exists can still be corrected and imported again.
    post(api, "agreements/import/", document(), 200)
    api.patch("/api/v1/agreements/supply/", {"title": "Supply"}, "application/json")
    assert Agreement.objects.get().title == "Supply"
    post(api, "parties/CHN/retire/", {"reason": "Again"}, 400)
    post(api, "parties/CHN/restore/", {"reason": "Back"}, 200)
    post(api, "agreements/", draft)


def test_a_merge_is_previewed_and_confirmed(api: Client) -> None:
    set_up()
    body = {"into": "CHN", "reason": "Same", "dry_run": True}
    preview = post(api, "parties/CHINA/merge/", body, 200)
    assert Party.objects.get(code="CHINA").retired_at is None
    page = f"/admin/compliance/party/{Party.objects.get(code='CHINA').pk}/merge-party/"
    answer = api.post(page, {"into": "CHN", "reason": "Same"})
    assert "To be moved: 2 agreements" in answer.text
    assert Party.objects.get(code="CHINA").retired_at is None
    api.post(page, {"into": "CHN", "reason": "Same", "confirm": "on"})
    assert get(api, "parties/CHINA/")["merged_into"] == "CHN"
    assert preview["agreements"] == 2
    post(api, "parties/CHINA/merge/", body | {"dry_run": False}, 400)
    post(api, "parties/CHINA/restore/", {"reason": "No"}, 400)


@pytest.fixture
def api(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("ana@example.org", "x"))
    return client
