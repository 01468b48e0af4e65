"""Who is responsible for an obligation: users by email address, and teams by slug."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import Membership, Responsibility, Subscription, Team, User
from tests.api.answers import get, patch, post, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, document, obligation

NO_ACCOUNT = (
    "lee@example.org has no account, so nothing is sent there: create one, or have an "
    "administrator subscribe the address."
)


@pytest.fixture
def asia(desk: User) -> Team:
    """A team whose only member is the desk."""
    team = Team.objects.create(slug="asia", name="Asia")
    Membership.objects.create(team=team, user=desk)
    return team


@pytest.fixture
def ana(db: None) -> User:
    return User.objects.create_user("ana@example.org")


def named(api: Client, ref: str = "O-1") -> list[str]:
    [found] = rows(api, "obligations/", ref=ref)
    responsible: list[str] = found["responsible"]
    return responsible


def test_users_are_named_by_address_in_any_case_and_teams_by_slug(
    api: Client, asia: Team, ana: User
) -> None:
    create_agreement()
    new = {"agreement": "supply", **obligation("O-2", "2099-03-15")}
    stored = post(api, "obligations/", {**new, "responsible": ["Ana@Example.org", "team:asia"]})
    assert (stored["responsible"], stored["warnings"]) == (["ana@example.org", "team:asia"], [])
    changed = patch(api, f"obligations/{stored['id']}/", {"responsible": ["team:asia"]})
    assert changed["responsible"] == ["team:asia"]
    assert patch(api, f"obligations/{stored['id']}/", {"title": "New"})["responsible"] == [
        "team:asia"
    ]
    assert patch(api, f"obligations/{stored['id']}/", {"responsible": []})["responsible"] == []
    ana.email = "a.berg@example.org"
    ana.save()
    patch(api, f"obligations/{stored['id']}/", {"responsible": ["a.berg@example.org"]})
    assert named(api, "O-2") == ["a.berg@example.org"]


@pytest.mark.parametrize(
    ("names", "path", "words"),
    [
        (["team:nobody"], "responsible/0", "There is no team nobody"),
        (["team:"], "responsible/0", "such as team:asia"),
        (["desk"], "responsible/0", "Name a user by email address"),
        (["a@example.org", "A@example.org"], "responsible", "Remove the duplicates"),
        (["a@example.org"] * 51, "responsible", "At most 50"),
        ("ana@example.org", "responsible", "list"),
    ],
)
def test_who_does_not_fit_is_refused(api: Client, names: Any, path: str, words: str) -> None:
    create_agreement()
    new = {"agreement": "supply", **obligation("O-2"), "responsible": names}
    [problem] = post(api, "obligations/", new, 400)["errors"]
    assert problem["path"] == path
    assert words in problem["detail"]


def test_an_address_without_an_account_is_kept_and_passes_to_the_account_that_gets_it(
    api: Client,
) -> None:
    value = document("supply", obligation(due_on="2099-01-01", responsible=["lee@example.org"]))
    report = post(api, "agreements/import/", value)
    assert report["warnings"] == [{"path": "obligations/0/responsible", "detail": NO_ACCOUNT}]
    assert post(api, "agreements/import/", value, 200)["ignored"] == []
    assert rows(api, "deadlines/", responsible="LEE@example.org")
    lee = User.objects.create_user("Lee@example.org")
    [row] = Responsibility.objects.all()
    assert (row.user, row.address) == (lee, "")
    again = post(api, "agreements/import/", value, 200)
    assert (again["ignored"], again["changed"], again["warnings"]) == ([], [], [])
    assert named(api) == ["lee@example.org"]  # whatever the account
    [subscription] = Subscription.objects.all()
    assert (subscription.owner, subscription.is_mine) == (lee, True)


def test_whoever_cannot_be_notified_is_reported(api: Client, ana: User) -> None:
    team = Team.objects.create(slug="africa", name="Africa")
    gone = User.objects.create_user("gone@example.org", is_active=False)
    deadline = create_agreement()
    agreement = deadline.agreement
    Membership.objects.create(team=team, user=gone)
    agreement.visibility = "teams"
    agreement.save()
    names = ["ana@example.org", "gone@example.org", "team:africa"]
    changed = patch(api, f"obligations/{deadline.obligation_id}/", {"responsible": names})
    assert changed["warnings"] == [
        "ana@example.org does not see this agreement: add them to one of its teams.",
        "The account of gone@example.org is not active: name someone else as well.",
        "Team africa has no active member who sees this agreement: add one.",
    ]


def test_only_administrators_learn_from_warnings_who_has_an_account(ana: User) -> None:
    deadline = create_agreement()
    team = Team.objects.create(slug="africa", name="Africa")
    User.objects.create_user("Gone@example.org", is_active=False)
    people = {name: User.objects.create_user(f"{name}@example.org") for name in ("kim", "bob")}
    for user in people.values():
        Membership.objects.create(team=team, user=user)
    people["kim"].groups.add(Group.objects.get(name="analyst"))
    kim = client_of(people["kim"])

    def warned(*names: str) -> Any:
        url = f"obligations/{deadline.obligation_id}/"
        changed = patch(kim, url, {"responsible": [f"{name}@example.org" for name in names]})
        assert [name.partition("@")[0] for name in changed["responsible"]] == [*names]
        value = document("other", obligation(responsible=changed["responsible"]))
        report = post(kim, "agreements/import/?dry_run=true", value, 200)
        assert [each["detail"] for each in report["warnings"]] == changed["warnings"]
        return changed["warnings"]

    answers = {tuple(warned(name)) for name in ("nobody",)}
    for name in ("ana", "gone"):
        answers |= {tuple(each.replace(name, "nobody") for each in warned(name))}
    assert answers == {
        (
            "nobody@example.org is notified only if this is the address of an account that sees "
            "this agreement.",
        )
    }
    assert warned("kim", "bob") == []
    people["bob"].is_active = False
    people["bob"].save()
    assert warned("bob") == [
        "The account of bob@example.org is not active: name someone else as well."
    ]


def test_a_document_names_the_responsible_and_mode_update_corrects_them(
    api: Client, asia: Team, ana: User
) -> None:
    def import_(names: list[str], mode: str) -> Any:
        value = document("supply", obligation(due_on="2099-01-01", responsible=names))
        path = f"agreements/import/?mode={mode}"
        response = api.post(f"/api/v1/{path}", value, content_type="application/json")
        return response.json()

    import_(["ana@example.org"], "add")
    [ignored] = import_(["team:asia"], "add")["ignored"]
    assert ignored == {
        "path": "obligations/0/responsible",
        "ref": "O-1",
        "stored": ["ana@example.org"],
        "sent": ["team:asia"],
    }
    assert named(api) == ["ana@example.org"]
    assert len(import_(["team:asia", "ANA@example.org"], "update")["changed"]) == 1
    assert named(api) == ["ana@example.org", "team:asia"]
    assert import_(["ana@example.org", "team:asia"], "update")["changed"] == []


@pytest.mark.parametrize("moment", [False, True])
def test_lists_are_filtered_by_who_is_responsible(
    api: Client, asia: Team, ana: User, moment: bool
) -> None:
    create_agreement(
        obligation("O-1", "2020-01-01", responsible=["ana@example.org"]),
        obligation("O-2", "2020-01-02", responsible=["team:asia"]),
        obligation("O-3", "2020-01-03", responsible=["desk@example.org", "team:asia"]),
        obligation("O-4", "2020-01-04"),
        as_of=timezone.now(),
    )
    as_of = {"as_of": timezone.now().isoformat()} if moment else {}

    def refs(client: Client, path: str, key: str, who: str) -> list[str]:
        return sorted(each[key] for each in rows(client, path, responsible=who, **as_of))

    expected = {
        "me": ["O-2", "O-3"],
        "ana@example.org": ["O-1"],
        "team:asia": ["O-2", "O-3"],
        "desk@example.org": ["O-3"],
        "team:africa": [],
        "kim@example.org": [],
    }
    for who, found in expected.items():
        assert refs(api, "deadlines/", "obligation_ref", who) == found
        assert refs(api, "breaches/", "obligation_ref", who) == found
        assert refs(api, "obligations/", "ref", who) == found
        counted = get(api, "summary/", responsible=who, **as_of)["results"]
        assert sum(each["count"] for each in counted) == len(found)
        since = {"since": "2020-01-01", "responsible": who}
        changed = rows(api, "changes/between/", **since)
        assert sorted(each["obligation_ref"] for each in changed) == found
    groups = get(api, "summary/", group_by="responsible", **as_of)["results"]
    assert {each["group"]: each["count"] for each in groups} == {
        "ana@example.org": 1, "desk@example.org": 1, "team:asia": 2, None: 1,
    }  # fmt: skip
    User.objects.filter(pk=ana.pk).update(is_superuser=True)
    assert refs(client_of(ana), "deadlines/", "obligation_ref", "me") == ["O-1"]
    get(api, "deadlines/", 400, responsible="asia")
