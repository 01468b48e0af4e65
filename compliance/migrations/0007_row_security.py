"""Row-level security: what a reader may not see does not exist for the reader's statements.

Independent of the predicates of the application. `pacta.reader`, set for one transaction, is
`system`, or a user and the limits of their token as JSON, or nothing: then no row exists.

`compliance_secure_rows` adds the policy of one table, also for later migrations.
"""

from __future__ import annotations

from django.db import migrations

# 0: nothing exists, 1: what is not hidden exists, 2: everything exists.
_SIGHT = """
CREATE FUNCTION compliance_sight(reader text) RETURNS integer
LANGUAGE plpgsql STABLE AS $$
DECLARE who jsonb;
BEGIN
    IF reader = 'system' THEN RETURN 2; END IF;
    IF coalesce(reader, '') = '' THEN RETURN 0; END IF;
    who = reader::jsonb;
    IF who ->> 'teams' IS NOT NULL OR who ->> 'agreements' IS NOT NULL THEN RETURN 1; END IF;
    IF who ->> 'user' IS NULL THEN RETURN 2; END IF;
    IF EXISTS (
        SELECT FROM compliance_user AS u
        WHERE u.id = (who ->> 'user')::bigint AND u.is_active
          AND (u.is_superuser OR EXISTS (
            SELECT FROM compliance_user_groups AS m JOIN auth_group AS g ON g.id = m.group_id
            WHERE m.user_id = u.id AND g.name = 'administrator')))
    THEN RETURN 2; END IF;
    RETURN 1;
END $$
"""

# With the rights of its owner and as the system: the policies it serves must not apply to it.
_HIDDEN = """
CREATE FUNCTION compliance_hidden_agreements(reader text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path FROM CURRENT SET pacta.reader = 'system' AS $$
DECLARE
    who jsonb = nullif(reader, 'system')::jsonb;
    is_limited boolean = compliance_sight(jsonb_build_object('user', who -> 'user')::text) < 2;
    of_teams bigint[] = CASE WHEN jsonb_typeof(who -> 'teams') = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text(who -> 'teams')::bigint) END;
    listed bigint[] = CASE WHEN jsonb_typeof(who -> 'agreements') = 'array'
        THEN ARRAY(SELECT jsonb_array_elements_text(who -> 'agreements')::bigint) END;
BEGIN
    IF is_limited THEN
        RETURN QUERY SELECT a.id FROM compliance_agreement AS a
        WHERE a.visibility = 'teams' AND NOT EXISTS (
            SELECT FROM compliance_agreementteam AS t
            JOIN compliance_membership AS m ON m.team_id = t.team_id
            WHERE t.agreement_id = a.id AND m.user_id = (who ->> 'user')::bigint);
    END IF;
    IF of_teams IS NOT NULL THEN
        RETURN QUERY SELECT a.id FROM compliance_agreement AS a WHERE NOT EXISTS (
            SELECT FROM compliance_agreementteam AS t
            WHERE t.agreement_id = a.id AND t.team_id = ANY (of_teams));
    END IF;
    IF listed IS NOT NULL THEN
        RETURN QUERY SELECT a.id FROM compliance_agreement AS a WHERE a.id <> ALL (listed);
    END IF;
END $$
"""

# `condition` names the columns of the row as `{row}.column`, because a subquery could have a column
# of the same name, and the agreements that do not exist for the reader as `{hidden}`.
#
# The conditions are evaluated only for readers from whom something may be hidden. The subqueries
# do not depend on the row: each is evaluated once per statement, the second one into a hash table.
_SECURE = """
CREATE FUNCTION compliance_secure_rows(rows regclass, condition text, new_rows text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    rule text = 'CASE (SELECT compliance_sight(current_setting(''pacta.reader'', TRUE))) '
        'WHEN 2 THEN TRUE WHEN 1 THEN ' || replace(replace(condition, '{row}', rows::text),
        '{hidden}', '(SELECT compliance_hidden_agreements(current_setting(''pacta.reader'', TRUE)))')
        || ' ELSE FALSE END';
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS visible_rows ON %s', rows);
    EXECUTE format('CREATE POLICY visible_rows ON %s USING (%s) WITH CHECK (%s)',
        rows, rule, coalesce(new_rows, rule));
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', rows);
    -- Also for the owner of the tables, as which Pacta usually connects.
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', rows);
END $$
"""


def _not_hidden(column: str) -> str:
    return f"({{row}}.{column} NOT IN {{hidden}})"


def _no_hidden(column: str) -> str:
    return f"({{row}}.{column} IS NULL OR {{row}}.{column} NOT IN {{hidden}})"


def _seen(column: str, table: str, key: str = "id") -> str:
    """Return the condition that the row of another table exists for the reader."""
    return f"EXISTS (SELECT FROM {table} AS _seen WHERE _seen.{key} = {{row}}.{column})"


def _not_unseen(column: str, table: str) -> str:
    return f"({{row}}.{column} IS NULL OR {_seen(column, table)})"


# A proposal to import a new agreement contains its document, and one that has purged an agreement
# tells that it existed. Parties and calendars are registers that everybody shares.
_WITHOUT_AGREEMENT = """
    {row}.change IN ('party', 'party_merge', 'calendar') OR (
        SELECT who ->> 'teams' IS NULL AND who ->> 'agreements' IS NULL AND (
            {row}.proposed_by_id = (who ->> 'user')::bigint
            OR {row}.change = 'import'
            AND coalesce({row}.draft -> 'document' ->> 'visibility', 'everyone') <> 'teams')
        FROM (SELECT current_setting('pacta.reader', TRUE)::jsonb AS who) AS reader)
"""


def _proposed(condition: str) -> str:
    """Return the condition for a proposal, given that for one about an agreement."""
    return (
        f"CASE WHEN {{row}}.agreement_id IS NOT NULL THEN {condition} ELSE {_WITHOUT_AGREEMENT} END"
    )


_DEADLINE = ("deadline_id", "compliance_deadline")
_OBLIGATION = ("obligation_id", "compliance_obligation")
_EVIDENCE = ("evidence_id", "compliance_evidence")
_CONDITIONS = {
    "agreement": _not_hidden("id"),
    **{
        name: _not_hidden("agreement_id")
        for name in (
            "agreementteam", "agreementparty", "milestone", "milestonedating", "obligation",
            "obligationparty", "deadline", "evidence", "silence", "alert", "importbatch",
        )
    },
    "subscription": _no_hidden("agreement_id"),
    "calendarfeed": _no_hidden("agreement_id"),
    "dependency": _seen(*_OBLIGATION),
    "responsibility": _seen(*_OBLIGATION),
    **{
        name: _seen(*_DEADLINE)
        for name in ("breach", "ledgerentry", "position", "recomputeddeadline")
    },
    "fact": f"{_no_hidden('agreement_id')} AND {_not_unseen(*_DEADLINE)}",
    "correction": f"{_no_hidden('agreement_id')} AND {_not_unseen(*_DEADLINE)}"
    f" AND {_not_unseen(*_OBLIGATION)}",
    "proposal": _proposed(_not_hidden("agreement_id")),
    "importedrows": _seen("batch_id", "compliance_importbatch"),
    "proposalnotification": _seen("proposal_id", "compliance_proposal"),
    **{
        name: _seen(*_EVIDENCE)
        for name in (
            "evidence_obligations", "evidence_deadlines", "evidencefile", "fact_evidence",
            "position_evidence",
        )
    },
    # A message about several agreements exists for everyone who sees one of its alerts.
    "message": "CASE WHEN {row}.agreement_id IS NULL THEN "
    f"{_seen('id', 'compliance_alert', 'message_id')} "
    f"ELSE {_not_hidden('agreement_id')} END",
    "deliveryattempt": _seen("message_id", "compliance_message"),
}  # fmt: skip
# The history of a purged agreement must not appear when the agreement is gone.
_HISTORY = {
    "agreementevent": _seen("pgh_obj_id", "compliance_agreement"),
    **{
        f"{name}event": _seen("agreement_id", "compliance_agreement")
        for name in (
            "agreementteam", "agreementparty", "milestone", "obligation", "obligationparty",
            "silence",
        )
    },
    "proposalevent": _proposed(_seen("agreement_id", "compliance_agreement")),
    "responsibilityevent": _seen(*_OBLIGATION),
    **{
        f"{name}event": _not_unseen("agreement_id", "compliance_agreement")
        for name in ("subscription", "calendarfeed")
    },
}  # fmt: skip


def _secure(name: str, condition: str, new_rows: str | None = None) -> migrations.RunSQL:
    table = f"compliance_{name}"
    more = "" if new_rows is None else f", '{new_rows}'"
    return migrations.RunSQL(
        f"SELECT compliance_secure_rows('{table}', $condition${condition}$condition${more})",
        f"DROP POLICY visible_rows ON {table}; "
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
    )


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_consequences")]

    operations = [
        migrations.RunSQL(_SIGHT, "DROP FUNCTION compliance_sight(text)"),
        migrations.RunSQL(_HIDDEN, "DROP FUNCTION compliance_hidden_agreements(text)"),
        migrations.RunSQL(_SECURE, "DROP FUNCTION compliance_secure_rows(regclass, text, text)"),
        *(_secure(name, condition) for name, condition in _CONDITIONS.items()),
        # Triggers write the history; whoever may change a row may add to its history.
        *(_secure(name, condition, "TRUE") for name, condition in _HISTORY.items()),
    ]
