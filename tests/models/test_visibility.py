"""Which rows a reader sees, by the predicate of the models."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group
from django.db.models import Model

from compliance.models import (
    Agreement,
    Deadline,
    Fact,
    Team,
    User,
)
from compliance.models.people.readers import NOBODY, SYSTEM, reader_of
from compliance.models.visibility import PATHS_TO_AGREEMENT, visible_to
from tests.reserved_agreement import member, reserve
from tests.samples import create_agreement, record, utc

NOW = utc("2026-02-01T00:00")

every_model: list[type[Model]] = [
    *apps.get_app_config("compliance").get_models(include_auto_created=True)
]


def leads_to_agreement(model: type[Model]) -> bool:
    """Return whether a row of this model refers to an agreement, directly or through others."""
    found, waiting = set(), [model]
    while waiting:
        each = waiting.pop()
        if each is Agreement:
            return True
        if each not in found:
            found.add(each)
            waiting += [
                field.related_model
                for field in each._meta.concrete_fields
                if field.related_model is not None and field.related_model in every_model
            ]
    return False


def test_every_model_that_refers_to_an_agreement_says_how() -> None:
    wanted = {each.__name__ for each in every_model if leads_to_agreement(each)}
    assert set(PATHS_TO_AGREEMENT) == wanted


@pytest.fixture
def three() -> None:
    """Create an agreement for everyone, one for team asia, and one for teams asia and europe."""
    for ref, slugs in {"open": (), "asian": ("asia",), "joint": ("asia", "europe")}.items():
        deadline = create_agreement(ref=ref, as_of=NOW)
        record(deadline, as_of=NOW, type="performance", on="2026-01-20")
        if slugs:
            reserve(deadline.agreement, *slugs)


def refs(reader: object) -> set[str]:
    found = {
        frozenset(visible_to(rows, reader).values_list(path, flat=True))  # type: ignore[arg-type]
        for rows, path in (
            (Agreement.objects.all(), "ref"),
            (Deadline.objects.all(), "agreement__ref"),
            (Fact.objects.all(), "deadline__agreement__ref"),
        )
    }
    [same] = found
    return set(same)


@pytest.mark.django_db
@pytest.mark.usefixtures("three")
def test_a_user_sees_agreements_for_everyone_and_those_of_own_teams() -> None:
    assert refs(member("none@example.org")) == {"open"}
    assert refs(member("asia@example.org", "asia")) == {"open", "asian", "joint"}
    assert refs(member("europe@example.org", "europe")) == {"open", "joint"}


@pytest.mark.django_db
@pytest.mark.usefixtures("three")
def test_administrators_and_the_system_see_everything_and_nobody_sees_nothing() -> None:
    administrator = member("lee@example.org")
    administrator.groups.add(Group.objects.get_or_create(name="administrator")[0])
    root = User.objects.create_superuser("root@example.org")
    for reader in (administrator, root, SYSTEM):
        assert refs(reader) == {"open", "asian", "joint"}
    root.is_active = False
    for unknown in (NOBODY, AnonymousUser(), root):
        assert refs(unknown) == set()


@pytest.mark.django_db
@pytest.mark.usefixtures("three")
def test_a_limited_viewer_sees_only_what_is_in_the_limits_and_visible() -> None:
    europe = Team.objects.get(slug="europe").pk
    both = reader_of(member("both@example.org", "asia", "europe"))
    assert refs(both.limited_to(teams=frozenset({europe}))) == {"joint"}
    stranger = reader_of(member("none@example.org"))
    assert refs(stranger.limited_to(teams=frozenset({europe}))) == set()
    ids = frozenset(
        Agreement.objects.filter(ref__in=["open", "asian"]).values_list("pk", flat=True)
    )
    assert refs(both.limited_to(agreements=ids)) == {"open", "asian"}
    assert refs(stranger.limited_to(agreements=ids)) == {"open"}
    assert refs(SYSTEM.limited_to(agreements=ids)) == {"open", "asian"}
