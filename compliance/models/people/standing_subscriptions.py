"""SQL that subscribes everyone to what they are responsible for, unless they have ended that.

Triggers run it, because people become responsible in many ways: an obligation or a document names
them or their team, they join a team, or their account is created or gets the address that a
document named. None of these may leave a breach of which nobody hears.
"""

from __future__ import annotations

OF_RESPONSIBILITIES = """
    SELECT v.user_id FROM new_values AS v WHERE v.user_id IS NOT NULL
    UNION
    SELECT m.user_id FROM new_values AS v
    JOIN compliance_membership AS m ON m.team_id = v.team_id
"""
OF_MEMBERSHIPS = """
    SELECT v.user_id FROM new_values AS v
    WHERE EXISTS (SELECT FROM compliance_responsibility AS r WHERE r.team_id = v.team_id)
"""


# What follows from a write may concern rows that do not exist for whoever writes.
AS_SYSTEM = """
    reader = current_setting('pacta.reader', TRUE);
    PERFORM set_config('pacta.reader', 'system', TRUE);
"""
AS_BEFORE = "PERFORM set_config('pacta.reader', coalesce(reader, ''), TRUE);"
DECLARED = [("reader", "text")]


def subscribe(user_ids: str) -> str:
    """Return the body of a trigger that subscribes users to what they are responsible for.

    It has the schedule of their latest active subscription. A subscription that a user has ended
    is not created again.

    Args:
        user_ids: SQL that selects the ids of the users.
    """
    return f"""
    {AS_SYSTEM}
    INSERT INTO compliance_subscription
        (owner_id, email, is_mine, tag, min_severity, kinds, from_escalation, frequency,
         digest_hour, digest_weekday, quiet_from, quiet_until, timezone, is_active, since, refusal)
    SELECT u.id, u.email, TRUE, '', 'low', '{{}}', 0, coalesce(l.frequency, 'immediate'),
        coalesce(l.digest_hour, 8), coalesce(l.digest_weekday, 0), l.quiet_from, l.quiet_until,
        coalesce(l.timezone, 'UTC'), TRUE, now(), ''
    FROM ({user_ids}) AS named(user_id)
    JOIN compliance_user AS u ON u.id = named.user_id
    LEFT JOIN LATERAL (
        SELECT * FROM compliance_subscription AS s
        WHERE s.is_active AND s.email = u.email ORDER BY s.id DESC LIMIT 1) AS l ON TRUE
    WHERE NOT EXISTS (
        SELECT FROM compliance_subscription AS s
        WHERE s.is_mine AND lower(s.email) = lower(u.email) AND s.webhook_id IS NULL)
    ON CONFLICT DO NOTHING;
    {AS_BEFORE}
    RETURN NULL;
"""
