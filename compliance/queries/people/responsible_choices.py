"""Whom a reader can choose as responsible: the users and teams that they may know of."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Q

from compliance.domain.responsible import TEAM
from compliance.models import Team, User
from compliance.models.people.readers import Reader


class Choice(NamedTuple):
    """The name that is stored, and the text that people read."""

    name: str
    text: str


def responsible_choices(term: str, *, reader: Reader, limit: int) -> list[Choice]:
    """Return at most `limit` teams and users whose name or address contains a term, in order.

    Administrators may know of all. Others know their own teams, and the members of these.
    """
    teams = Team.objects.order_by("name", "slug")
    users = User.objects.filter(is_active=True, is_service_account=False).order_by("email")
    if reader.is_limited:
        own = Team.objects.filter(memberships__user=reader.user_id)
        teams = teams.filter(pk__in=own)
        users = users.filter(Q(pk=reader.user_id) | Q(team_memberships__team__in=own)).distinct()
    if term:
        teams = teams.filter(Q(slug__folded=term) | Q(name__folded=term))
        users = users.filter(
            Q(email__folded=term) | Q(first_name__folded=term) | Q(last_name__folded=term)
        )
    found = [Choice(f"{TEAM}{each.slug}", f"{each.name} (team)") for each in teams[:limit]]
    for each in users[: limit - len(found)]:
        name = each.get_full_name()
        found.append(Choice(each.email, f"{name} ({each.email})" if name else each.email))
    return found
