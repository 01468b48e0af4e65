"""Roles: what each of them can do, and who can grant them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.utils import timezone

from compliance.delivery.administrator_mails import administrators
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Role
from compliance.models import Proposal, User
from compliance.operations.agreements import proposals
from compliance.operations.people import roles
from compliance.operations.people.roles import lowest_role, set_roles
from tests.api.conftest import client_of
from tests.samples import create_agreement, obligation


def person(name: str, *given: Role) -> User:
    """Create a user with these roles."""
    user = User.objects.create_user(f"{name}@example.org")
    set_roles(user=user, roles=given, by=None)
    return User.objects.get(pk=user.pk)


def test_every_installation_has_the_four_roles(db: None) -> None:
    names = set(Group.objects.values_list("name", flat=True))
    assert {"viewer", "analyst", "reviewer", "administrator"} <= names


def test_each_role_includes_the_ones_before_it(db: None) -> None:
    held = [set(Group.objects.get(name=role).permissions.all()) for role in Role]
    for lower, higher in pairwise(held):
        assert lower < higher
    everything = Permission.objects.filter(content_type__app_label="compliance")
    assert held[-1] == set(everything)


@pytest.mark.parametrize(
    ("codename", "model", "role"),
    [
        ("view_deadline", "deadline", Role.VIEWER),
        ("view_apitoken", "apitoken", Role.VIEWER),
        ("add_apitoken", "apitoken", Role.VIEWER),
        ("view_user", "user", Role.ADMINISTRATOR),
        ("add_calendarfeed", "calendarfeed", Role.VIEWER),
        ("add_fact", "fact", Role.ANALYST),
        ("change_obligation", "obligation", Role.ANALYST),
        ("waive_deadline", "deadline", Role.REVIEWER),
        ("determine_deadline", "deadline", Role.REVIEWER),
        ("approve_proposal", "proposal", Role.REVIEWER),
        ("purge_agreement", "agreement", Role.ADMINISTRATOR),
        ("purge_importbatch", "importbatch", Role.ADMINISTRATOR),
        ("view_importbatch", "importbatch", Role.VIEWER),
        ("delete_fact", "fact", Role.ADMINISTRATOR),
        ("add_webhook", "webhook", Role.ADMINISTRATOR),
        ("change_user", "user", Role.ADMINISTRATOR),
        ("add_something_new", "something_new", Role.ADMINISTRATOR),
    ],
)
def test_a_permission_belongs_to_a_role(codename: str, model: str, role: Role) -> None:
    assert lowest_role(codename, model) is role


def test_records_of_analysts_are_models(db: None) -> None:
    known = {model._meta.model_name for model in apps.get_app_config("compliance").get_models()}
    assert known >= roles._RECORDS


def test_migrating_restores_the_permissions_of_a_role_and_keeps_other_groups(db: None) -> None:
    own = Group.objects.create(name="asia desk")
    own.permissions.set(Permission.objects.filter(codename="add_fact"))
    Group.objects.get(name="viewer").permissions.set(Permission.objects.all())
    call_command("migrate", verbosity=0)
    assert not Group.objects.get(name="viewer").permissions.filter(codename="add_fact").exists()
    assert own.permissions.count() == 1


# --- Analysts and reviewers -----------------------------------------------------------------------


@pytest.mark.parametrize("fact", [{"type": "waiver"}, {"type": "determination", "verdict": "met"}])
def test_only_reviewers_determine_and_waive(db: None, fact: dict[str, Any]) -> None:
    deadline = create_agreement(obligation())
    body = {**fact, "deadline": deadline.pk, "note": "As agreed.", "on": "2026-01-05"}
    analyst = client_of(person("ana", Role.ANALYST))
    refused = analyst.post("/api/v1/facts/", body, "application/json")
    assert refused.status_code == 403
    assert "Your account lacks the permission to" in refused.json()["detail"]
    reviewer = client_of(person("rob", Role.REVIEWER))
    created = reviewer.post("/api/v1/facts/", body, "application/json")
    assert created.status_code == 201, created.content
    undo = {
        "type": "retraction",
        "supersedes": created.json()["id"],
        "deadline": deadline.pk,
        "note": "Entered by mistake.",
        "confirm": True,
    }
    assert analyst.post("/api/v1/facts/", undo, "application/json").status_code == 403


def test_an_analyst_proposes_a_waiver_that_a_reviewer_approves(db: None) -> None:
    deadline = create_agreement(obligation())
    deadline.agreement.requires_approval = True
    deadline.agreement.save()
    deadline.refresh_from_db()
    proposal = proposals.submit(
        deadline=deadline,
        draft=read(FactDraft, {"type": "waiver", "note": "As agreed.", "on": "2026-01-05"}),
        by=person("ana", Role.ANALYST),
        as_of=timezone.now(),
    )
    assert isinstance(proposal, Proposal)
    rob = person("rob", Role.REVIEWER)
    fact = proposals.approve(proposal=proposal, by=rob, as_of=timezone.now()).fact
    assert fact is not None
    assert fact.kind == "waiver"


# --- Administrators -------------------------------------------------------------------------------


def test_administrators_are_active_superusers_and_users_with_the_role(db: None) -> None:
    root = User.objects.create_superuser("root@example.org", "x")
    adam, ana = person("adam", Role.ADMINISTRATOR), person("ana", Role.ANALYST)
    gone = person("gone", Role.ADMINISTRATOR)
    gone.is_active = False
    gone.save()
    assert administrators() == [root.email, adam.email]
    assert [each.is_administrator for each in (root, adam, ana, gone)] == [True, True, False, False]


def test_nobody_grants_a_role_with_rights_that_they_lack(db: None) -> None:
    ana = person("ana")
    clerk = person("clerk", Role.ANALYST)
    with pytest.raises(PermissionDenied):
        set_roles(user=ana, roles=[Role.REVIEWER], by=clerk)
    set_roles(user=ana, roles=[Role.ADMINISTRATOR], by=person("adam", Role.ADMINISTRATOR))
    with pytest.raises(PermissionDenied):
        set_roles(user=ana, roles=[], by=clerk)
    assert User.objects.get(pk=ana.pk).roles == {Role.ADMINISTRATOR}
