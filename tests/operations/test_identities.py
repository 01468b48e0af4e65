"""What groups of an identity provider grant and take."""

from __future__ import annotations

import pytest

from compliance.domain.people.group_rules import read_group_rules
from compliance.domain.vocabulary import Role
from compliance.models import User
from compliance.operations.people import identities
from compliance.operations.people.roles import set_roles

pytestmark = pytest.mark.django_db

RULES = read_group_rules(("leads=administrator", "desk=analyst"))


def administrator(email: str) -> User:
    user = User.objects.create_user(email)
    set_roles(user=user, roles=[Role.ADMINISTRATOR], by=None)
    return user


def sign_in(user: User, *groups: str) -> set[Role]:
    """Return the roles of a user after signing in with these groups."""
    identity = identities.Identity(
        email=user.email, is_verified=True, first_name="", last_name="", groups=groups
    )
    identities.sign_in(identity=identity, known=User.objects.get(pk=user.pk), rules=RULES)
    return set(User.objects.get(pk=user.pk).roles)


def test_groups_take_the_role_of_an_administrator_unless_it_is_the_last_one() -> None:
    ana, lee = administrator("ana@example.org"), administrator("lee@example.org")
    assert sign_in(ana, "desk") == {Role.ANALYST}
    assert sign_in(lee, "desk") == {Role.ANALYST, Role.ADMINISTRATOR}
    assert sign_in(ana, "leads") == {Role.ADMINISTRATOR}
    assert sign_in(lee, "desk") == {Role.ANALYST}


def test_an_administrator_who_cannot_sign_in_does_not_count() -> None:
    ana, lee = administrator("ana@example.org"), administrator("lee@example.org")
    User.objects.filter(pk=lee.pk).update(is_active=False)
    assert sign_in(ana) == {Role.ADMINISTRATOR}
