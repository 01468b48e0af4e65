"""Change history: triggers copy every state of a descriptive row into an event table.

Each copy also adds an entry to the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import pghistory
import pgtrigger
from django.db import models

from compliance.domain.vocabulary import AuditAction
from compliance.models.append_only import never_truncated

ModelT = TypeVar("ModelT", bound=models.Model)


def tracked(model: type[ModelT]) -> type[ModelT]:
    """Keep the change history of a model."""
    return tracked_except()(model)


def tracked_except(
    *untracked: str, secrets: tuple[str, ...] = (), **options: Any
) -> Callable[[type[ModelT]], type[ModelT]]:
    """Keep the change history of a model without some fields: a change of these adds no row.

    Triggers do this instead of signals, so that bulk operations and raw SQL are included.
    The pghistory middleware attaches the user of a request.

    Args:
        untracked: fields whose values are not kept.
        secrets: fields whose values are not kept either, but whose changes are in the audit log.
        options: for models of other packages, the names that pghistory cannot derive.
    """

    def track(model: type[ModelT]) -> type[ModelT]:
        # The database derives generated columns itself, so that the event table cannot hold them.
        generated = [field.name for field in model._meta.fields if field.generated]
        pghistory.track(
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            # Per statement: a trigger per row would cost more than storing the row.
            level=pghistory.Statement,
            exclude=[*untracked, *secrets, *generated],
            meta={"triggers": [never_truncated(), _audit(model)]},
            **options,
        )(model)
        if secrets:
            pgtrigger.register(_audit_secrets(model, secrets))(model)
        return model

    return track


def kind_of(model: type[models.Model]) -> str:
    """Return the kind of a tracked model in the audit log, such as `calendar_feed`."""
    name = model.__name__.removeprefix("Tracked")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def event_models() -> dict[str, type[models.Model]]:
    """Return the models of the event tables, by the kind of what they track."""
    events: list[Any] = pghistory.core.event_models()
    return {kind_of(each.pgh_tracked_model): each for each in events}


# The context of the transaction, which pghistory sets before each statement of a request.
_CONTEXT = """(
    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,
        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data
) AS c"""
_WHO = "(c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), " \
       "coalesce(c.data ->> 'request', '')"  # fmt: skip
_COLUMNS = "at, kind, action, object_id, event_id, context_id, actor_id, address, request_id"


def _audit(model: type[models.Model]) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="audit",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]  # untyped
        func=f"""
            INSERT INTO compliance_auditentry ({_COLUMNS})
            SELECT a.pgh_created_at, '{kind_of(model)}',
                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'
                    ELSE 'removed' END,
                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, {_WHO}
            FROM added AS a, {_CONTEXT};
            RETURN NULL;
        """,
    )


def _audit_secrets(model: type[models.Model], secrets: tuple[str, ...]) -> pgtrigger.Trigger:
    changed = " ".join(
        f"|| CASE WHEN OLD.{each} IS DISTINCT FROM NEW.{each} THEN '[\"{each}\"]'::jsonb"
        " ELSE '[]' END"
        for each in secrets
    )
    return pgtrigger.Trigger(
        name="audit_secrets",
        when=pgtrigger.After,
        operation=pgtrigger.Update,
        condition=pgtrigger.AnyChange(*secrets),
        func=f"""
            INSERT INTO compliance_auditentry ({_COLUMNS}, details)
            SELECT now(), '{kind_of(model)}', '{AuditAction.SECRET_CHANGED.value}', NEW.id, NULL,
                c.id, {_WHO}, jsonb_build_object('fields', '[]'::jsonb {changed})
            FROM {_CONTEXT};
            RETURN NULL;
        """,
    )
