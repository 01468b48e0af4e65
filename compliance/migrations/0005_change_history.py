"""Triggers that copy every state of a descriptive row into its event table, and into the audit log."""

from __future__ import annotations

import re

from django.db import migrations

from compliance.migrations._triggers import AddTriggers, ModelTrigger, any_change, differ, trigger

# The columns of the copies. Every change of a row is kept.
_WHOLE = {
    "Team": (
        "id", "name", "slug",
    ),
    "Membership": (
        "id", "team_id", "user_id",
    ),
    "Party": (
        "code", "country", "id", "kind", "merged_into_id", "name", "retire_reason", "retired_at",
        "timezone",
    ),
    "AgreementParty": (
        "agreement_id", "id", "party_id", "role",
    ),
    "AgreementTeam": (
        "agreement_id", "id", "team_id",
    ),
    "Milestone": (
        "agreement_id", "at", "dates", "due", "id", "on", "precision", "ref", "title",
    ),
    "ObligationParty": (
        "agreement_id", "capacity", "id", "obligation_id", "party_id",
    ),
    "Responsibility": (
        "address", "id", "obligation_id", "team_id", "user_id",
    ),
    "CustomCalendar": (
        "code", "id", "title", "weekend",
    ),
    "ClosingDay": (
        "calendar_id", "id", "on", "reason",
    ),
    "Proposal": (
        "agreement_id", "change", "deadline_id", "decided_at", "decided_by_id", "draft", "effect",
        "fact_id", "id", "kind", "proposed_at", "proposed_by_id", "reason", "state",
    ),
    "Silence": (
        "agreement_id", "created_at", "created_by_id", "deadline_id", "ended_at", "id", "reason",
        "until_at",
    ),
    "TrackedUserPermission": (
        "id", "permission_id", "user_id",
    ),
    "TrackedUserGroup": (
        "group_id", "id", "user_id",
    ),
    "TrackedGroupPermission": (
        "group_id", "id", "permission_id",
    ),
    "TrackedGroup": (
        "id", "name",
    ),
}  # fmt: skip
# Other columns of these tables are not kept: a change of only those adds no copy.
_IN_PART = {
    "User": (
        "date_joined", "email", "first_name", "id", "is_active", "is_service_account", "is_staff",
        "is_superuser", "last_name",
    ),
    "ApiToken": (
        "agreement_ids", "created_at", "expires_at", "former_until", "id", "is_read_only", "name",
        "networks", "revoked_at", "rotated_at", "team_ids", "user_id",
    ),
    "Agreement": (
        "archive_reason", "archived_at", "archived_by_id", "calendars", "created_at", "ends_on",
        "ends_on_precision", "id", "in_force_on", "in_force_on_precision", "kind",
        "notification_policy", "ref", "requires_approval", "signed_on", "signed_on_precision",
        "timezone", "title", "visibility",
    ),
    "Obligation": (
        "agreement_id", "binds_on", "binds_on_precision", "clause", "due", "grace", "id", "kind",
        "notification_policy", "parent_id", "ref", "roll_up", "roll_up_share", "severity",
        "starts", "survives_termination", "tags", "target_bound", "target_quantity", "text",
        "title", "unit",
    ),
    "Webhook": (
        "created_at", "former_until", "id", "is_active", "kind", "name", "owner_id",
    ),
    "CalendarFeed": (
        "agreement_id", "created_at", "id", "name", "owner_id", "revoked_at",
    ),
    "Subscription": (
        "agreement_id", "digest_hour", "digest_weekday", "email", "frequency", "from_escalation",
        "id", "is_active", "is_mine", "kinds", "min_severity", "owner_id", "party_id",
        "quiet_from", "quiet_until", "refusal", "refused_at", "responsible_team_id",
        "responsible_user_id", "since", "tag", "timezone", "webhook_id",
    ),
}  # fmt: skip
# Tables of other packages.
_TABLES = {
    "TrackedUserPermission": "compliance_user_user_permissions",
    "TrackedUserGroup": "compliance_user_groups",
    "TrackedGroupPermission": "auth_group_permissions",
    "TrackedGroup": "auth_group",
}
# The values of these are not kept, but that they changed is in the audit log.
_SECRETS = {
    "User": ("password",),
    "Webhook": ("url", "secret", "former_secret"),
}

# pghistory fills these columns of every copy, in alphabetical order with the others.
_OF_THE_COPY = {
    "pgh_context_id": "_pgh_attached_context.value",
    "pgh_created_at": "NOW()",
}


def _copies(model: str, columns: tuple[str, ...], changes: str) -> list[ModelTrigger]:
    """Return the triggers of pghistory for one table."""
    event = f"compliance_{_tracked(model).lower()}event"

    def func(label: str, rows: str, source: str) -> str:
        values = {
            **{column: f'{rows}."{column}"' for column in columns},
            **_OF_THE_COPY,
            "pgh_label": f"'{label}'",
            "pgh_obj_id": f'{rows}."id"',
        }
        names = ", ".join(f'"{column}"' for column in sorted(values))
        selected = ", ".join(values[column] for column in sorted(values))
        return (
            "WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) "
            f'INSERT INTO "{event}" ({names}) SELECT {selected} '
            f"FROM ( SELECT {rows}.* FROM {source} ) AS {rows}, _pgh_attached_context; RETURN NULL;"
        )

    joined = 'old_values JOIN new_values ON (old_values."id") = (new_values."id")'
    old, new = "OLD TABLE AS old_values ", "NEW TABLE AS new_values "
    return [
        trigger(
            model,
            f"{label}_{label}",
            when="AFTER",
            operation=label.upper(),
            level="STATEMENT",
            referencing=f"REFERENCING {referenced}",
            func=func(label, rows, source),
            **({"table": _TABLES[model]} if model in _TABLES else {}),
        )
        for label, rows, referenced, source in (
            ("insert", "new_values", new, "new_values "),
            ("update", "new_values", f"{old} {new}", f"{joined} WHERE ({changes})"),
            ("delete", "old_values", old, "old_values "),
        )
    ]


# --- The audit log ----------------------------------------------------------------------------

# The context of the transaction, which pghistory sets before each statement of a request.
_CONTEXT = """(
    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,
        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data
) AS c"""
_WHO = (
    "(c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), "
    "coalesce(c.data ->> 'request', '')"
)
_COLUMNS = "at, kind, action, object_id, event_id, context_id, actor_id, address, request_id"


def _audit(model: str) -> ModelTrigger:
    return trigger(
        f"{_tracked(model)}Event",
        "audit",
        when="AFTER",
        operation="INSERT",
        level="STATEMENT",
        referencing="REFERENCING NEW TABLE AS added ",
        func=f"""
            INSERT INTO compliance_auditentry ({_COLUMNS})
            SELECT a.pgh_created_at, '{_kind(model)}',
                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'
                    ELSE 'removed' END,
                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, {_WHO}
            FROM added AS a, {_CONTEXT};
            RETURN NULL;
        """,
    )


def _audit_secrets(model: str, secrets: tuple[str, ...]) -> ModelTrigger:
    changed = " ".join(
        f"|| CASE WHEN OLD.{each} IS DISTINCT FROM NEW.{each} THEN '[\"{each}\"]'::jsonb"
        " ELSE '[]' END"
        for each in secrets
    )
    return trigger(
        model,
        "audit_secrets",
        when="AFTER",
        operation="UPDATE",
        condition=any_change("OLD", "NEW", sorted(secrets)),
        func=f"""
            INSERT INTO compliance_auditentry ({_COLUMNS}, details)
            SELECT now(), '{_kind(model)}', 'secret_changed', NEW.id, NULL,
                c.id, {_WHO}, jsonb_build_object('fields', '[]'::jsonb {changed})
            FROM {_CONTEXT};
            RETURN NULL;
        """,
    )


def _tracked(model: str) -> str:
    return model.removeprefix("Tracked")


def _kind(model: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _tracked(model)).lower()


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_append_only")]

    operations = [
        AddTriggers(
            *(
                each
                for model, columns in _WHOLE.items()
                for each in _copies(model, columns, "old_values.* IS DISTINCT FROM new_values.*")
            ),
            *(
                each
                for model, columns in _IN_PART.items()
                for each in _copies(model, columns, differ("old_values", "new_values", columns))
            ),
            *(_audit(model) for model in (*_WHOLE, *_IN_PART)),
            *(_audit_secrets(model, secrets) for model, secrets in _SECRETS.items()),
        ),
    ]
