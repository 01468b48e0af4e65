"""Proposals about what a user may not see do not exist for them, and weaken nothing foreign."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from compliance.models import Agreement, Deadline, Proposal, User
from compliance.models.people.readers import reader_of
from compliance.models.visibility import visible_to
from tests.api.answers import BASE, post, rows
from tests.api.conftest import client_of
from tests.reserved_agreement import member, reserve
from tests.samples import create_agreement, document, obligation

pytestmark = pytest.mark.django_db
WHY = {"reason": "It was imported twice."}


def person(name: str, team: str, role: str = "reviewer") -> User:
    user = member(f"{name}@example.org", team)
    user.groups.add(Group.objects.get(name=role))
    return user


def seen_by(user: User) -> list[int]:
    """Return the proposals that exist for a user, by both barriers."""
    found = [row["id"] for row in rows(client_of(user), "proposals/")]
    by_predicate = visible_to(Proposal.objects.order_by("-id"), reader_of(user))
    assert [each.pk for each in by_predicate] == found
    for pk in Proposal.objects.values_list("pk", flat=True):
        assert client_of(user).get(f"{BASE}proposals/{pk}/").status_code == (
            200 if pk in found else 404
        )
    return found


def test_the_import_of_a_reserved_agreement_waits_for_those_who_see_everything(desk: User) -> None:
    ana, ben = person("ana", "asia"), person("ben", "europe")
    waiver = {"type": "waiver", "on": "2026-01-10", "note": "Given up."}
    value = document("secret", obligation(facts=[waiver]), requires_approval=True)
    reserved = post(
        client_of(ana), "agreements/import/", value | {"visibility": "teams", "teams": ["asia"]},
        202,
    )  # fmt: skip
    assert (seen_by(ana), seen_by(desk)) == ([reserved["id"]], [reserved["id"]])
    assert seen_by(ben) == []
    for_everyone = post(client_of(ana), "agreements/import/", value, 202)
    assert seen_by(ben) == [for_everyone["id"]]


def test_the_proposal_that_purged_an_agreement_stays_hidden(desk: User) -> None:
    ben, cat = person("ben", "europe"), person("cat", "europe", "administrator")
    agreement = create_agreement(ref="secret").agreement
    agreement.requires_approval = True
    reserve(agreement, "asia")
    proposal = post(client_of(cat), "agreements/secret/purge/", WHY, 202)
    assert seen_by(ben) == []
    post(client_of(desk), f"proposals/{proposal['id']}/approve/", {}, 200)
    assert not Agreement.objects.exists()
    assert (seen_by(ben), seen_by(cat)) == ([], [proposal["id"]])


def test_an_import_cannot_move_the_deadlines_of_an_agreement_that_its_user_does_not_see() -> None:
    deadline = create_agreement(ref="secret", as_of=timezone.now() - timedelta(days=1))
    Agreement.objects.update(requires_approval=True)
    reserve(Agreement.objects.get(), "asia")
    before = Deadline.objects.get().due_at
    value = document("other", obligation("O-1", "2030-01-01"))
    value["parties"] = [
        {**each, "timezone": "Pacific/Honolulu", "country": None} for each in value["parties"]
    ]
    ben = client_of(person("ben", "europe"))
    found = ben.post(f"{BASE}agreements/import/?mode=update", value, "application/json")
    assert Deadline.objects.get(pk=deadline.pk).due_at == before
    assert found.status_code == 202, found.json()
    assert "secret" not in found.content.decode()
