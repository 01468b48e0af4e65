"""Create and change users: their roles, their teams, and whether they are active."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.contrib.auth.models import Group
from django.db import transaction

from compliance.domain.people.drafts import UserChangesDraft, UserDraft
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.domain.vocabulary import Role
from compliance.models import Membership, Team, User
from compliance.models.locks import for_update
from compliance.operations.people import passwords
from compliance.operations.people.roles import check_may_change, set_roles
from compliance.operations.people.teams import check_may_grant_teams


@transaction.atomic
def create(*, draft: UserDraft, by: User) -> User:
    """Create a user without a password. People choose one with the link that is mailed to them.

    Raises:
        Invalid: there is a user with this address, or a team does not exist.
        PermissionDenied: a role has rights that `by` lacks.
    """
    if User.objects.filter(email__iexact=draft.email).exists():
        raise refusal("email", f"User {draft.email} already exists.")
    user = User.objects.create_user(
        draft.email,
        None,
        first_name=draft.name,
        is_service_account=draft.is_service_account,
    )
    set_roles(user=user, roles=draft.roles, by=by)
    _set_teams(user, draft.teams, by=by)
    return user


@transaction.atomic
def update(*, user: User, draft: UserChangesDraft, by: User) -> User:
    """Change a user.

    Raises:
        Invalid: a team does not exist, or nobody else is an administrator.
        PermissionDenied: the user has, or a role would give them, rights that `by` lacks.
    """
    check_may_change(user, by=by)
    with keeping_an_administrator():
        user = for_update(User.objects.all()).get(pk=user.pk)
        if draft.name != user.get_full_name():
            # One name: which part of it comes first differs between languages.
            user.first_name, user.last_name = draft.name, ""
        user.is_active = draft.is_active
        user.save(update_fields=["first_name", "last_name", "is_active"])
        if set(draft.roles) != user.roles:
            set_roles(user=user, roles=draft.roles, by=by)
        _set_teams(user, draft.teams, by=by)
    return user


def invite(*, user: User, by: User) -> None:
    """Mail a user another link with which they choose a password.

    Raises:
        Invalid: the account is not active or not a person's, or the email cannot be sent.
        PermissionDenied: the user has rights that `by` lacks.
    """
    check_may_change(user, by=by)
    passwords.send_link(user=user)


@contextmanager
def keeping_an_administrator() -> Iterator[None]:
    """Check at the end of the block that somebody can still manage users.

    Only one transaction at a time may be in such a block. Otherwise the last two administrators
    could deactivate each other at the same time.

    Raises:
        Invalid: the block left no active person who is an administrator.
    """
    list(for_update(Group.objects.filter(name=Role.ADMINISTRATOR.value)))
    administrators = User.objects.administrators().filter(is_service_account=False)
    there_was_one = administrators.exists()
    yield
    if there_was_one and not administrators.exists():
        sentence = "There would be no administrator left. Make someone else one first."
        raise refusal("", sentence)


def is_last_administrator(user: User) -> bool:
    """Return whether nobody else is an active person who is an administrator.

    Until the end of the transaction, no other can change who is an administrator.
    """
    list(for_update(Group.objects.filter(name=Role.ADMINISTRATOR.value)))
    others = User.objects.administrators().filter(is_service_account=False).exclude(pk=user.pk)
    return not others.exists()


def _set_teams(user: User, slugs: Sequence[str], *, by: User) -> None:
    teams = {team.slug: team for team in Team.objects.filter(slug__in=slugs)}
    unknown = [
        Problem(path=f"teams/{place}", detail=f"Team {slug} does not exist.")
        for place, slug in enumerate(slugs)
        if slug not in teams
    ]
    if unknown:
        raise Invalid(unknown)
    wanted = {team.pk for team in teams.values()}
    Membership.objects.filter(user=user).exclude(team__in=wanted).delete()
    held = set(Membership.objects.filter(user=user).values_list("team", flat=True))
    check_may_grant_teams([each for each in teams.values() if each.pk not in held], by=by)
    Membership.objects.bulk_create(
        [Membership(user=user, team_id=pk) for pk in sorted(wanted - held)], ignore_conflicts=True
    )
