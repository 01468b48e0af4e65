"""Users and teams as rows."""

from __future__ import annotations

from compliance.domain.fields import Email
from compliance.domain.people.drafts import TeamSlug
from compliance.domain.vocabulary import Role
from compliance.queries.filters import TrueOrFalse, Word
from compliance.queries.pages import Listing, Order, Page, page
from compliance.queries.rows import Row, Where, containing, one

_NAME = "trim(u.first_name || ' ' || u.last_name)"
_RANKED = ", ".join(f"'{each.value}'" for each in Role)

_USERS = f"""
SELECT u.id, u.email, {_NAME} AS name, u.is_active, u.is_service_account, u.is_superuser,
    u.last_login AS last_signed_in_at, u.date_joined AS created_at,
    ARRAY(SELECT g.name FROM compliance_user_groups AS held JOIN auth_group AS g
        ON g.id = held.group_id WHERE held.user_id = u.id AND g.name IN ({_RANKED})
        ORDER BY array_position(ARRAY[{_RANKED}], g.name::text)) AS roles,
    ARRAY(SELECT t.slug FROM compliance_membership AS m JOIN compliance_team AS t
        ON t.id = m.team_id WHERE m.user_id = u.id ORDER BY t.slug) AS teams
FROM compliance_user AS u
"""

_TEAMS = """
SELECT t.id, t.slug, t.name, ARRAY(SELECT u.email FROM compliance_membership AS m
    JOIN compliance_user AS u ON u.id = m.user_id WHERE m.team_id = t.id ORDER BY u.email
) AS members
FROM compliance_team AS t
"""


class UserListing(Listing):
    """Filters of users."""

    email: Email | None = None
    role: Role | None = None
    team: TeamSlug | None = None
    is_active: TrueOrFalse | None = None
    is_service_account: TrueOrFalse | None = None
    q: Word | None = None


def users(listing: UserListing) -> Page:
    """Return users in order of creation."""
    where = Where().equal(
        u__is_active=listing.is_active, u__is_service_account=listing.is_service_account
    )
    where.add("lower(u.email) = lower(%(email)s)", email=listing.email)
    where.add(
        "EXISTS (SELECT FROM compliance_user_groups AS held JOIN auth_group AS g "
        "ON g.id = held.group_id WHERE held.user_id = u.id AND g.name = %(role)s)",
        role=listing.role,
    )
    where.add(
        "EXISTS (SELECT FROM compliance_membership AS m JOIN compliance_team AS t "
        "ON t.id = m.team_id WHERE m.user_id = u.id AND t.slug = %(team)s)",
        team=listing.team,
    )
    where.add(containing("q", "u.email", _NAME), q=listing.q)
    return page(_USERS, where, order=Order(table="u", columns=("id",)), listing=listing)


def user(user_id: int) -> Row | None:
    """Return one user, or None."""
    return one(_USERS, Where().equal(u__id=user_id))


class TeamListing(Listing):
    """Filters of teams."""

    member: Email | None = None


def teams(listing: TeamListing) -> Page:
    """Return teams in order of creation."""
    where = Where()
    where.add(
        "EXISTS (SELECT FROM compliance_membership AS m JOIN compliance_user AS u "
        "ON u.id = m.user_id WHERE m.team_id = t.id AND lower(u.email) = lower(%(member)s))",
        member=listing.member,
    )
    return page(_TEAMS, where, order=Order(table="t", columns=("id",)), listing=listing)


def team(slug: str) -> Row | None:
    """Return one team, or None."""
    return one(_TEAMS, Where().equal(t__slug=slug))
