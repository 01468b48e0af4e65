"""Triggers of the first migrations: as django-pgtrigger declares them, but many at once.

Its own operation makes Django rebuild its models for each trigger. That took most of the time of a
first start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from pgtrigger.compiler import Trigger, UpsertTriggerSql

# A model and one of its triggers.
ModelTrigger = tuple[str, Trigger]


def trigger(model: str, name: str, *, table: str | None = None, **parts: str) -> ModelTrigger:
    """Return a trigger with the identifier that django-pgtrigger gives it.

    Args:
        table: unless it is the table that Django names after the model.
        parts: of the statements, see `UpsertTriggerSql`.
    """
    digest = hashlib.sha1(f"compliance.{model}:{name}".encode()).hexdigest()
    compiled = UpsertTriggerSql(
        pgid=f"pgtrigger_{name}_{digest[:5]}",
        table=table or f"compliance_{model.lower()}",
        **parts,
    )
    return model, Trigger(name=name, sql=compiled)


def any_change(old: str, new: str, columns: Iterable[str]) -> str:
    """Return the condition that a row trigger runs only if one of the columns changes."""
    return f"WHEN ({differ(old, new, columns)})"


def differ(old: str, new: str, columns: Iterable[str]) -> str:
    """Return SQL that compares columns of two rows."""
    return " OR ".join(f'{old}."{each}" IS DISTINCT FROM ({new}."{each}")' for each in columns)


class AddTriggers(Operation):
    """Adds triggers to any number of models."""

    reduces_to_sql = True
    reversible = True

    def __init__(self, *triggers: ModelTrigger) -> None:
        self.triggers = triggers

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        for model, trigger in self.triggers:
            options = state.models[app_label, model.lower()].options
            options["triggers"] = [*options.get("triggers", ()), trigger]
        state.reload_models({(app_label, model.lower()) for model, _ in self.triggers})

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for _, trigger in self.triggers:
            schema_editor.execute(trigger.install_sql, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for _, trigger in self.triggers:
            schema_editor.execute(trigger.uninstall_sql, params=None)

    def describe(self) -> str:
        return f"Add {len(self.triggers)} triggers"
