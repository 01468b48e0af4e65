"""What follows from a changed account, a responsibility or a new member of a team."""

from __future__ import annotations

from django.db import migrations

from compliance.migrations._triggers import AddTriggers, trigger

# Sessions, API tokens and calendar feeds end with the password or the address they were made under.
_END_ACCESS = """
    NEW.session_epoch = OLD.session_epoch;
    IF NEW.password IS DISTINCT FROM OLD.password OR (OLD.is_active AND NOT NEW.is_active)
        OR NEW.email IS DISTINCT FROM OLD.email
    THEN
        NEW.session_epoch = OLD.session_epoch + 1;
        UPDATE compliance_apitoken SET revoked_at = now()
        WHERE user_id = OLD.id AND revoked_at IS NULL;
        UPDATE compliance_calendarfeed SET revoked_at = now()
        WHERE owner_id = OLD.id AND revoked_at IS NULL;
    END IF;
    RETURN NEW;
"""

# What follows from a write may concern rows that do not exist for whoever writes.
_AS_SYSTEM = """
    reader = current_setting('pacta.reader', TRUE);
    PERFORM set_config('pacta.reader', 'system', TRUE);
"""
_AS_BEFORE = "PERFORM set_config('pacta.reader', coalesce(reader, ''), TRUE);"

# A responsibility that a document gave to an address belongs to the account with that address.
_FOLLOW_ADDRESS = f"""
    {_AS_SYSTEM}
    UPDATE compliance_responsibility AS r SET user_id = NEW.id, address = ''
    WHERE r.address <> '' AND lower(r.address) = lower(NEW.email) AND NOT EXISTS (
        SELECT FROM compliance_responsibility AS own
        WHERE own.obligation_id = r.obligation_id AND own.user_id = NEW.id);
    UPDATE compliance_subscription SET owner_id = NEW.id
    WHERE webhook_id IS NULL AND lower(email) = lower(NEW.email)
      AND owner_id IS DISTINCT FROM NEW.id;
    IF TG_OP = 'UPDATE' AND NEW.email <> OLD.email THEN
        UPDATE compliance_subscription AS s SET email = NEW.email
        WHERE s.owner_id = NEW.id AND s.email = OLD.email AND NOT EXISTS (
            SELECT FROM compliance_subscription AS other WHERE other.email = NEW.email);
        UPDATE compliance_subscription SET is_active = FALSE
        WHERE owner_id = NEW.id AND email = OLD.email AND is_active;
        UPDATE compliance_message SET email = NEW.email
        WHERE email = OLD.email AND state = 'waiting';
        UPDATE compliance_alert AS a SET email = NEW.email
        WHERE a.email = OLD.email AND a.withdrawn_at IS NULL
          AND (a.message_id IS NULL OR EXISTS (
            SELECT FROM compliance_message AS m
            WHERE m.id = a.message_id AND m.state = 'waiting'))
          AND NOT EXISTS (
            SELECT FROM compliance_alert AS other
            WHERE other.deadline_id = a.deadline_id AND other.kind = a.kind
              AND other.occasion = a.occasion AND other.email = NEW.email);
    END IF;
    {_AS_BEFORE}
    RETURN NULL;
"""


def _subscribe(user_ids: str) -> str:
    """Return SQL that subscribes users to what they are responsible for, unless they ended that."""
    return f"""
    {_AS_SYSTEM}
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
    {_AS_BEFORE}
    RETURN NULL;
"""


_OF_RESPONSIBILITIES = """
    SELECT v.user_id FROM new_values AS v WHERE v.user_id IS NOT NULL
    UNION
    SELECT m.user_id FROM new_values AS v
    JOIN compliance_membership AS m ON m.team_id = v.team_id
"""
_OF_MEMBERSHIPS = """
    SELECT v.user_id FROM new_values AS v
    WHERE EXISTS (SELECT FROM compliance_responsibility AS r WHERE r.team_id = v.team_id)
"""
_READER = "DECLARE reader text;"
_NEW_ROWS = "REFERENCING NEW TABLE AS new_values "


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_change_history")]

    operations = [
        AddTriggers(
            trigger("User", "end_access", when="BEFORE", operation="UPDATE", func=_END_ACCESS),
            trigger(
                "User",
                "follow_address",
                when="AFTER",
                operation='INSERT OR UPDATE OF "email"',
                declare=_READER,
                func=_FOLLOW_ADDRESS,
            ),
            *(
                trigger(
                    model,
                    f"subscribe_on_{operation.lower()}",
                    when="AFTER",
                    operation=operation,
                    level="STATEMENT",
                    referencing=_NEW_ROWS,
                    declare=_READER,
                    func=_subscribe(user_ids),
                )
                for model, operation, user_ids in (
                    ("Responsibility", "INSERT", _OF_RESPONSIBILITIES),
                    ("Responsibility", "UPDATE", _OF_RESPONSIBILITIES),
                    ("Membership", "INSERT", _OF_MEMBERSHIPS),
                )
            ),
        ),
    ]
