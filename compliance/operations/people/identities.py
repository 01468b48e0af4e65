"""Accounts of people who sign in with an identity provider."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import structlog
from django.db import transaction

from compliance.domain.email_addresses import email_address
from compliance.domain.people.group_rules import Grants, GroupRules
from compliance.domain.problems import refusal
from compliance.domain.vocabulary import Role
from compliance.models import Membership, Team, User
from compliance.operations.people.roles import set_roles
from compliance.operations.people.users import is_last_administrator

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What the provider says about somebody."""

    email: str
    is_verified: bool
    first_name: str
    last_name: str
    groups: Collection[str]


@transaction.atomic
def sign_in(*, identity: Identity, known: User | None, rules: GroupRules) -> User:
    """Return the account of somebody who signs in, with the roles and teams of their groups.

    Somebody whom the provider names for the first time gets the account with the same address,
    if the provider has verified it, or else a new account, if one of their groups grants anything.

    Args:
        known: the account that belongs to this person at the provider, if there is one.

    Raises:
        Invalid: there is no account for this person, or it is not active.
    """
    grants = rules.granted(identity.groups)
    user = known or _find(identity) or _create(identity, grants)
    if user.is_service_account or not user.is_active:
        raise refusal("", "This account is not active. Ask an administrator to activate it.")
    _apply(user, grants, managed=rules.managed)
    return user


def _find(identity: Identity) -> User | None:
    """Return the account with the address, which the provider must have verified."""
    if not (identity.email and identity.is_verified):
        sentence = "The identity provider has not verified your email address."
        raise refusal("", sentence)
    return User.objects.filter(email__iexact=identity.email).first()


def _create(identity: Identity, grants: Grants) -> User:
    if not grants:
        sentence = "You have no account in Pacta. Ask an administrator for an invitation."
        raise refusal("", sentence)
    try:
        email = email_address(identity.email)
    except ValueError as error:
        raise refusal("", str(error)) from None
    return User.objects.create_user(
        email, first_name=identity.first_name[:150], last_name=identity.last_name[:150]
    )


def _apply(user: User, grants: Grants, *, managed: Grants) -> None:
    """Give the user what their groups grant, and take what other groups would grant.

    The last administrator keeps that role: refusing the sign-in, or taking the role, would leave
    nobody who can manage users.
    """
    wanted = (user.roles - managed.roles) | grants.roles
    if Role.ADMINISTRATOR in user.roles - wanted and is_last_administrator(user):
        wanted |= {Role.ADMINISTRATOR}
        log.warning("the last administrator keeps the role, which no group grants", user=user.pk)
    if wanted != user.roles:
        set_roles(user=user, roles=wanted, by=None)
        del user.roles
    Membership.objects.filter(user=user, team__slug__in=managed.teams - grants.teams).delete()
    for team in Team.objects.filter(slug__in=grants.teams).exclude(memberships__user=user):
        Membership.objects.create(user=user, team=team)
