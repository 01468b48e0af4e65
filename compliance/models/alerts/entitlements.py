"""Who may receive what, as SQL: decided when a message is sent, not when its alerts are created.

A message reports an agreement only if the account with the recipient's address may see it. An
address without an account, and a webhook, receive what the owner of their subscription or webhook
may see. Without an owner they receive only agreements that everyone sees.

An account may see an agreement if it is active, may view deadlines, and either the agreement is for
everyone, or the account is in one of its teams or an administrator. `models.visibility` states this
for queries.
"""

from __future__ import annotations

from django.db.models.expressions import RawSQL

from compliance.domain.vocabulary import Role, Visibility


def views_deadlines(user: str) -> str:
    """Return the condition that an account may view deadlines at all, whichever it sees.

    Args:
        user: an alias of `compliance_user`.
    """
    return f"""({user}.is_superuser OR EXISTS (
                SELECT FROM auth_permission AS _p
                WHERE _p.codename = 'view_deadline' AND (
                    _p.id IN (SELECT _up.permission_id FROM compliance_user_user_permissions AS _up
                              WHERE _up.user_id = {user}.id)
                    OR _p.id IN (
                        SELECT _gp.permission_id FROM auth_group_permissions AS _gp
                        JOIN compliance_user_groups AS _ug ON _ug.group_id = _gp.group_id
                        WHERE _ug.user_id = {user}.id))))"""


def sees(user: str, agreement: str) -> str:
    """Return the condition that an account may see an agreement.

    Args:
        user: an alias of `compliance_user`.
        agreement: an alias of `compliance_agreement`.
    """
    u, g = user, agreement
    return f"""({u}.is_active AND ({u}.is_superuser OR (
            {views_deadlines(u)}
            AND ({g}.visibility = '{Visibility.EVERYONE}'
                 OR EXISTS (
                    SELECT FROM compliance_agreementteam AS _t
                    JOIN compliance_membership AS _m ON _m.team_id = _t.team_id
                    WHERE _t.agreement_id = {g}.id AND _m.user_id = {u}.id)
                 OR EXISTS (
                    SELECT FROM compliance_user_groups AS _ug
                    JOIN auth_group AS _g ON _g.id = _ug.group_id
                    WHERE _ug.user_id = {u}.id AND _g.name = '{Role.ADMINISTRATOR}'))))) """


def _owner_sees(owner_id: str, agreement: str) -> str:
    """Return the condition that an owner may see an agreement, or that everyone sees it."""
    return f"""(
        {owner_id} IS NULL AND {agreement}.visibility = '{Visibility.EVERYONE}'
        OR EXISTS (SELECT FROM compliance_user AS _o
                   WHERE _o.id = {owner_id} AND {sees("_o", agreement)}))"""


def may_receive(recipient: str, agreement: str) -> str:
    """Return the condition that a recipient may receive what is about an agreement.

    Args:
        recipient: an alias of a table with `email`, `webhook_id` and `recipient`.
        agreement: an alias of `compliance_agreement`.
    """
    r, g = recipient, agreement
    subscription = f"""compliance_subscription AS _s
            WHERE _s.recipient = {r}.recipient
              AND (_s.agreement_id IS NULL OR _s.agreement_id = {g}.id)"""
    return f"""CASE
        WHEN {r}.webhook_id IS NOT NULL THEN EXISTS (
            SELECT FROM compliance_webhook AS _w
            WHERE _w.id = {r}.webhook_id AND {_owner_sees("_w.owner_id", g)})
        WHEN EXISTS (SELECT FROM compliance_user AS _a WHERE lower(_a.email) = lower({r}.email))
        THEN EXISTS (SELECT FROM compliance_user AS _a
                     WHERE lower(_a.email) = lower({r}.email) AND {sees("_a", g)})
        WHEN EXISTS (SELECT FROM {subscription})
        THEN EXISTS (SELECT FROM {subscription} AND {_owner_sees("_s.owner_id", g)})
        ELSE {g}.visibility = '{Visibility.EVERYONE}' END"""


def receivable_agreements(message_id: int) -> RawSQL:
    """Return the ids of the agreements of a message that its recipient may see now."""
    return RawSQL(_RECEIVABLE, [message_id])  # noqa: S611  the id is a parameter


_RECEIVABLE = f"""
    SELECT DISTINCT g.id
    FROM compliance_message AS m
    JOIN compliance_alert AS a ON a.message_id = m.id
    JOIN compliance_agreement AS g ON g.id = a.agreement_id
    WHERE m.id = %s AND {may_receive("m", "g")}
"""
