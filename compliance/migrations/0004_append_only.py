"""Rows that are never changed, and those that only a purge removes.

TRUNCATE fires no trigger for DELETE: every table rejects it with a trigger of its own.
"""

from __future__ import annotations

from django.db import migrations

from compliance.migrations._triggers import AddTriggers, ModelTrigger, any_change, trigger

# Not for rows that belong to an agreement: it could not be purged.
_FOREVER = (
    "Tombstone", "RemovedRows",
    "TeamEvent", "UserEvent", "MembershipEvent", "ApiTokenEvent", "PartyEvent",
    "AgreementEvent", "AgreementPartyEvent", "AgreementTeamEvent", "MilestoneEvent",
    "ObligationEvent", "ObligationPartyEvent", "ResponsibilityEvent", "CustomCalendarEvent",
    "ClosingDayEvent", "ProposalEvent", "WebhookEvent", "CalendarFeedEvent", "SilenceEvent",
    "SubscriptionEvent", "UserPermissionEvent", "UserGroupEvent", "GroupPermissionEvent",
    "GroupEvent",
)  # fmt: skip
_UNTIL_PURGED = (
    "ImportBatch", "ImportedRows", "MilestoneDating", "Correction", "Evidence", "Fact",
    "LedgerEntry", "Position", "EvidenceFile",
)  # fmt: skip

# Without a tombstone that was written in the same transaction and lists them, no rows can go.
_ONLY_WITH_A_TOMBSTONE = """
    IF EXISTS (
        SELECT id FROM removed
        EXCEPT
        SELECT unnest(r.ids)
        FROM compliance_removedrows AS r JOIN compliance_tombstone AS t ON t.id = r.tombstone_id
        WHERE r.table_name = TG_TABLE_NAME
          AND t.transaction_id = pg_current_xact_id()::text::bigint)
    THEN
        RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;
    END IF;
    RETURN NULL;
"""

_FIXED = {
    "Seal": (
        "id", "sealed_at", "last_fact_id", "last_entry_id", "chains", "root", "hash",
        "last_tombstone_id", "tombstone_hash",
    ),
    # All but its position in the feed.
    "AuditEntry": (
        "id", "at", "kind", "action", "object_id", "event_id", "context_id", "actor_id",
        "address", "request_id", "details",
    ),
}  # fmt: skip


def _reject(what: str) -> str:
    return f"RAISE EXCEPTION 'pgtrigger: Cannot {what} % table', TG_TABLE_NAME;"


def _protect(
    model: str, name: str, operation: str, *, condition: str | None = None
) -> ModelTrigger:
    verbs = operation.lower()
    more = {} if condition is None else {"condition": condition}
    return trigger(
        model,
        name,
        when="BEFORE",
        operation=operation,
        func=_reject(f"{verbs} rows from"),
        **more,
    )


def _never_truncated(model: str) -> ModelTrigger:
    return trigger(
        model,
        "no_truncate",
        when="BEFORE",
        operation="TRUNCATE",
        level="STATEMENT",
        func=_reject("truncate"),
    )


# The contexts of the change history belong to another app, so that no model can declare this.
_CONTEXTS = """
CREATE FUNCTION compliance_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF _pgtrigger_should_ignore(TG_NAME) THEN RETURN NULL; END IF;
    RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;
END;
$$;
CREATE TRIGGER compliance_no_truncate BEFORE TRUNCATE ON pghistory_context
    FOR EACH STATEMENT EXECUTE FUNCTION compliance_no_truncate();
"""
_NO_CONTEXTS = """
DROP TRIGGER compliance_no_truncate ON pghistory_context;
DROP FUNCTION compliance_no_truncate();
"""


class Migration(migrations.Migration):
    dependencies = [("compliance", "0003_search")]

    operations = [
        AddTriggers(
            *(_protect(model, "append_only", "UPDATE OR DELETE") for model in _FOREVER),
            *(_protect(model, "append_only", "UPDATE") for model in _UNTIL_PURGED),
            *(
                trigger(
                    model,
                    "append_only_unless_purged",
                    when="AFTER",
                    operation="DELETE",
                    referencing="REFERENCING OLD TABLE AS removed ",
                    level="STATEMENT",
                    func=_ONLY_WITH_A_TOMBSTONE,
                )
                for model in _UNTIL_PURGED
            ),
            *(_protect(model, "append_only", "DELETE") for model in _FIXED),
            *(
                _protect(model, "read_only", "UPDATE", condition=any_change("OLD", "NEW", columns))
                for model, columns in _FIXED.items()
            ),
            _protect(
                "AuditEntry",
                "published_once",
                "UPDATE",
                condition='WHEN (OLD."position" IS NOT NULL)',
            ),
            _protect(
                "JobRun",
                "ledger_check_append_only",
                "UPDATE OR DELETE",
                condition="WHEN (OLD.\"kind\" = 'ledger_check')",
            ),
            *(
                _never_truncated(model)
                for model in (
                    *_FOREVER,
                    *_UNTIL_PURGED,
                    *_FIXED,
                    "JobRun",
                    "DeliveryAttempt",
                )
            ),
        ),
        migrations.RunSQL(_CONTEXTS, _NO_CONTEXTS),
    ]
