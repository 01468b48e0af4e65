"""Create and change teams and their members."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Lower

from compliance.domain.people.drafts import TeamChangesDraft, TeamDraft
from compliance.domain.problems import Invalid, Problem, refusal
from compliance.models import Membership, Team, User
from compliance.models.locks import for_update


@transaction.atomic
def create(*, draft: TeamDraft, by: User) -> Team:
    """Create a team.

    Raises:
        Invalid: there is a team with this slug, or a member is not a user.
        PermissionDenied: `by` is neither an administrator nor a member.
    """
    if Team.objects.filter(slug=draft.slug).exists():
        raise refusal("slug", f"Team {draft.slug} already exists. Choose another slug.")
    team = Team.objects.create(slug=draft.slug, name=draft.name)
    _set_members(team, draft.members, by=by)
    return team


@transaction.atomic
def update(*, team: Team, draft: TeamChangesDraft, by: User) -> Team:
    """Change the name of a team, and replace its members.

    Raises:
        Invalid: a member is not a user.
        PermissionDenied: somebody is added, and `by` is neither an administrator nor a member.
    """
    team = for_update(Team.objects.all()).get(pk=team.pk)
    if team.name != draft.name:
        team.name = draft.name
        team.save(update_fields=["name"])
    _set_members(team, draft.members, by=by)
    return team


def check_may_grant_teams(teams: Collection[Team], *, by: User) -> None:
    """Check that a user sees what the members of these teams see. Administrators see everything.

    Raises:
        PermissionDenied: they are not a member of one of the teams.
    """
    if by.is_administrator:
        return
    mine = set(Membership.objects.filter(user=by).values_list("team", flat=True))
    for team in teams:
        if team.pk not in mine:
            sentence = (
                f"You cannot add anyone to team {team.slug}, because you are not a member of it."
            )
            raise PermissionDenied(sentence)


def _set_members(team: Team, emails: Sequence[str], *, by: User) -> None:
    wanted = [email.lower() for email in emails]
    users = User.objects.annotate(address=Lower("email")).filter(address__in=wanted)
    found = dict(users.values_list("address", "pk"))
    unknown = [
        Problem(path=f"members/{place}", detail=f"There is no user {email}. Invite them first.")
        for place, email in enumerate(emails)
        if email.lower() not in found
    ]
    if unknown:
        raise Invalid(unknown)
    pks = set(found.values())
    Membership.objects.filter(team=team).exclude(user__in=pks).delete()
    held = set(Membership.objects.filter(team=team).values_list("user", flat=True))
    if pks - held:
        check_may_grant_teams([team], by=by)
    Membership.objects.bulk_create(
        [Membership(user_id=pk, team=team) for pk in sorted(pks - held)], ignore_conflicts=True
    )
