"""What 0010 left: looks at constraints, the index, and the rows that were there before.

Each statement stands alone, so that none holds a lock for long.
"""

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models

CONSTRAINTS = (
    ("alert", "alert_kind_known"),
    ("alert", "alert_reason_known"),
    ("breach", "breach_acknowledged_whole"),
    ("message", "message_state_known"),
)
BATCH = 10_000


def note_breaches(apps, schema_editor):
    """Every alert so far told of the breach that occurred at its occasion."""
    _in_batches(
        schema_editor,
        "compliance_alert",
        "UPDATE compliance_alert SET breach_at = occasion WHERE breach_at IS NULL AND kind IN"
        " ('missed', 'recovered') AND id BETWEEN %s AND %s",
    )


def look_again(apps, schema_editor):
    """Let the sweep find when each deadline is next to be told of."""
    _in_batches(
        schema_editor,
        "compliance_deadline",
        "UPDATE compliance_deadline SET next_check_at = now() WHERE set_aside_error = ''"
        " AND (next_check_at > now() OR status IN ('unmet', 'partly_met'))"
        " AND id BETWEEN %s AND %s",
    )


def _in_batches(schema_editor, table, statement):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
        [[last]] = cursor.fetchall()
        for first in range(1, last + 1, BATCH):
            cursor.execute(statement, [first, first + BATCH - 1])


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("compliance", "0010_who_is_told")]

    operations = [
        *(ValidateConstraint(model_name=model, name=name) for model, name in CONSTRAINTS),
        AddIndexConcurrently(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("message__isnull", True), ("withdrawn_at__isnull", True)),
                fields=["not_before", "id"],
                name="alert_releasable",
            ),
        ),
        RemoveIndexConcurrently(model_name="alert", name="alert_unassigned"),
        migrations.RunPython(note_breaches, migrations.RunPython.noop),
        migrations.RunPython(look_again, migrations.RunPython.noop),
    ]
