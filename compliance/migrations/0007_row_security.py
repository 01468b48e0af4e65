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
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
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

# What the policies know about each agreement. It repeats what the tables of agreements and of their
# teams say, because a policy of these tables cannot read them itself: that would apply it again. A
# function could read them as another reader, but only a superuser may create one that changes
# `pacta.reader`. The triggers fire even where others are switched off.
_ACCESS = """
CREATE TABLE compliance_agreementaccess (
    agreement_id bigint PRIMARY KEY,
    is_reserved boolean NOT NULL,
    team_ids bigint[] NOT NULL DEFAULT '{}'
);
-- Read by the policies, for most readers.
CREATE INDEX agreementaccess_reserved ON compliance_agreementaccess (agreement_id)
    WHERE is_reserved;

CREATE FUNCTION compliance_note_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM compliance_agreementaccess WHERE agreement_id = OLD.id;
    ELSE
        INSERT INTO compliance_agreementaccess (agreement_id, is_reserved)
        VALUES (NEW.id, NEW.visibility = 'teams')
        ON CONFLICT (agreement_id) DO UPDATE SET is_reserved = excluded.is_reserved;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_access AFTER INSERT OR DELETE OR UPDATE OF visibility
    ON compliance_agreement FOR EACH ROW EXECUTE FUNCTION compliance_note_agreement();
ALTER TABLE compliance_agreement ENABLE ALWAYS TRIGGER note_access;

CREATE FUNCTION compliance_note_agreement_team() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE compliance_agreementaccess SET team_ids = array_remove(team_ids, OLD.team_id)
        WHERE agreement_id = OLD.agreement_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE compliance_agreementaccess SET team_ids = array_append(team_ids, NEW.team_id)
        WHERE agreement_id = NEW.agreement_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER note_access AFTER INSERT OR DELETE OR UPDATE
    ON compliance_agreementteam FOR EACH ROW EXECUTE FUNCTION compliance_note_agreement_team();
ALTER TABLE compliance_agreementteam ENABLE ALWAYS TRIGGER note_access;
"""
_NO_ACCESS = """
DROP TRIGGER note_access ON compliance_agreementteam;
DROP TRIGGER note_access ON compliance_agreement;
DROP FUNCTION compliance_note_agreement_team();
DROP FUNCTION compliance_note_agreement();
DROP TABLE compliance_agreementaccess;
"""

# Whether each agreement exists for the reader, by id. NULL, beyond the array, stands for one that
# this statement creates, and for all agreements if nothing is hidden from the reader. An array
# is faster than a set of ids: it needs no hash table, which scans would search for each row.
_VISIBLE = """
CREATE FUNCTION compliance_visible_agreements(reader text) RETURNS boolean[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    sight integer = compliance_sight(reader);
    last integer;
    who jsonb;
    of_teams bigint[];
    listed bigint[];
    own_teams bigint[];
    is_limited boolean;
    is_narrow boolean;
    visible boolean[];
    agreement bigint;
BEGIN
    IF sight = 2 THEN RETURN '{}'; END IF;
    last = (SELECT coalesce(max(agreement_id), 0) FROM compliance_agreementaccess);
    IF sight = 0 THEN RETURN array_fill(FALSE, ARRAY[last + 1], ARRAY[0]); END IF;
    who = reader::jsonb;
    IF jsonb_typeof(who -> 'teams') = 'array' THEN
        of_teams = ARRAY(SELECT jsonb_array_elements_text(who -> 'teams')::bigint);
    END IF;
    IF jsonb_typeof(who -> 'agreements') = 'array' THEN
        listed = ARRAY(SELECT jsonb_array_elements_text(who -> 'agreements')::bigint);
    END IF;
    is_narrow = of_teams IS NOT NULL OR listed IS NOT NULL;
    is_limited = NOT is_narrow
        OR compliance_sight(jsonb_build_object('user', who -> 'user')::text) < 2;
    own_teams = ARRAY(SELECT m.team_id FROM compliance_membership AS m
        WHERE m.user_id = (who ->> 'user')::bigint);
    visible = array_fill(NOT is_narrow, ARRAY[last + 1], ARRAY[0]);
    IF is_narrow THEN
        FOR agreement IN
            SELECT a.agreement_id FROM compliance_agreementaccess AS a
            WHERE (of_teams IS NULL OR a.team_ids && of_teams)
              AND (listed IS NULL OR a.agreement_id = ANY (listed))
              AND NOT (is_limited AND a.is_reserved AND NOT a.team_ids && own_teams)
        LOOP
            visible[agreement] = TRUE;
        END LOOP;
    ELSE
        FOR agreement IN
            SELECT a.agreement_id FROM compliance_agreementaccess AS a
            WHERE a.is_reserved AND NOT a.team_ids && own_teams
        LOOP
            visible[agreement] = FALSE;
        END LOOP;
    END IF;
    RETURN visible;
END $$
"""

# `condition` names the columns of the row as `{row}.column`, because a subquery could have a column
# of the same name, and whether an agreement exists for the reader as `{visible}[id]`.
#
# Each subquery is evaluated once per statement. For existing rows, a condition of the form
# `{visible}[…] IS NOT FALSE` says everything if every row has an agreement. Others also ask whether
# the reader sees everything or nothing.
_SECURE = r"""
CREATE FUNCTION compliance_secure_rows(rows regclass, condition text, new_rows text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own text = replace(replace(condition, '{row}', rows::text), '{visible}',
        '(SELECT compliance_visible_agreements(current_setting(''pacta.reader'', TRUE)))');
    rule text = 'CASE (SELECT compliance_sight(current_setting(''pacta.reader'', TRUE))) '
        'WHEN 2 THEN TRUE WHEN 1 THEN ' || own || ' ELSE FALSE END';
    is_short boolean = condition ~ '^{visible}\[[^]]*\] IS NOT FALSE$';
BEGIN
    EXECUTE format('DROP POLICY IF EXISTS visible_rows ON %s', rows);
    EXECUTE format('CREATE POLICY visible_rows ON %s USING (%s) WITH CHECK (%s)',
        rows, CASE WHEN is_short THEN own ELSE rule END, coalesce(new_rows, rule));
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', rows);
    -- Also for the owner of the tables, as which Pacta usually connects.
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', rows);
END $$
"""


def _not_hidden(column: str) -> str:
    return f"{{visible}}[{{row}}.{column}] IS NOT FALSE"


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
    # Without an agreement, they exist for all but nobody.
    "subscription": f"({_not_hidden('agreement_id')})",
    "calendarfeed": f"({_not_hidden('agreement_id')})",
    "dependency": _seen(*_OBLIGATION),
    "responsibility": _seen(*_OBLIGATION),
    **{
        name: _seen(*_DEADLINE)
        for name in ("breach", "ledgerentry", "position", "recomputeddeadline")
    },
    "fact": f"{_not_hidden('agreement_id')} AND {_not_unseen(*_DEADLINE)}",
    "correction": f"{_not_hidden('agreement_id')} AND {_not_unseen(*_DEADLINE)}"
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
        migrations.RunSQL(_ACCESS, _NO_ACCESS),
        migrations.RunSQL(_VISIBLE, "DROP FUNCTION compliance_visible_agreements(text)"),
        migrations.RunSQL(_SECURE, "DROP FUNCTION compliance_secure_rows(regclass, text, text)"),
        *(_secure(name, condition) for name, condition in _CONDITIONS.items()),
        # Triggers write the history; whoever may change a row may add to its history.
        *(_secure(name, condition, "TRUE") for name, condition in _HISTORY.items()),
    ]
