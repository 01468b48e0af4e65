"""Who is responsible for obligations, as SQL: the names in rows, and the filter by name."""

from __future__ import annotations

from compliance.domain.responsible import ME, team_slug
from compliance.models.people.readers import Reader
from compliance.queries.rows import Where

RESPONSIBLE_NAME = "coalesce(lower(r_u.email), 'team:' || r_t.slug, lower(r.address))"
"""The name of who is responsible according to the row `r`, with the joins of `NAMED`."""

NAMED = """
    LEFT JOIN compliance_user AS r_u ON r_u.id = r.user_id
    LEFT JOIN compliance_team AS r_t ON r_t.id = r.team_id"""

RESPONSIBLE_NAMES = f"""
    ARRAY(SELECT {RESPONSIBLE_NAME} FROM compliance_responsibility AS r {NAMED}
          WHERE r.obligation_id = o.id ORDER BY r.id)"""
"""The names of those who are responsible for the obligation `o`."""

# One part per index, because a disjunction would read the whole table.
_PART = "SELECT r.obligation_id FROM compliance_responsibility AS r WHERE "
_OF_USER = f"""
    {_PART} r.user_id = %(responsible)s
    UNION ALL
    {_PART} r.team_id IN (
        SELECT m.team_id FROM compliance_membership AS m WHERE m.user_id = %(responsible)s)
"""
_OF_TEAM = f"""
    {_PART} r.team_id = (SELECT t.id FROM compliance_team AS t WHERE t.slug = %(responsible)s)
"""
_OF_ADDRESS = f"""
    {_PART} r.user_id = (
        SELECT u.id FROM compliance_user AS u WHERE lower(u.email) = lower(%(responsible)s))
    UNION ALL
    {_PART} r.address <> '' AND lower(r.address) = lower(%(responsible)s)
"""


def add_responsible(where: Where, name: str | None, *, obligation: str, reader: Reader) -> None:
    """Require the obligation to name a user or team as responsible.

    `me` is the reader, who is also responsible for whatever their teams are responsible for.

    Args:
        obligation: its id, as an SQL expression.
    """
    if name is None:
        return
    slug = team_slug(name)
    value: int | str
    if name == ME:
        # The system is responsible for nothing.
        part, value = _OF_USER, reader.user_id or 0
    elif slug is not None:
        part, value = _OF_TEAM, slug
    else:
        part, value = _OF_ADDRESS, name
    where.add(f"{obligation} IN ({part})", responsible=value)
