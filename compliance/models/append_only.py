"""Append-only tables, and the one way to remove rows from some of them."""

from __future__ import annotations

import pgtrigger
from django.apps import apps
from django.db.models import Model

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


_NAME = "append_only_unless_purged"
NO_TRUNCATE = "no_truncate"


def never_truncated() -> pgtrigger.Trigger:
    """Return a trigger that rejects TRUNCATE, which fires no trigger for DELETE."""
    return pgtrigger.Trigger(
        name=NO_TRUNCATE,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
    )


def append_only() -> tuple[pgtrigger.Trigger, ...]:
    """Return triggers that reject every UPDATE, DELETE and TRUNCATE.

    Not for rows that belong to an agreement: it could not be purged.
    """
    return (
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        never_truncated(),
    )


def append_only_but_purgeable() -> tuple[pgtrigger.Trigger, ...]:
    """Return triggers that reject every UPDATE and TRUNCATE, and every DELETE outside a purge."""
    return (
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update),
        never_truncated(),
        pgtrigger.Trigger(
            name=_NAME,
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=pgtrigger.Delete,
            referencing=pgtrigger.Referencing(old="removed"),  # type: ignore[no-untyped-call]  # untyped
            func=_ONLY_WITH_A_TOMBSTONE,
        ),
    )


def purgeable_models() -> list[type[Model]]:
    """Return the append-only models whose rows a purge may remove, by the name of their table."""
    every: list[type[Model]] = list(apps.get_app_config("compliance").get_models())
    found = [
        model
        for model in every
        if any(each.name == _NAME for each in getattr(model._meta, "triggers", ()))
    ]
    return sorted(found, key=lambda model: model._meta.db_table)
