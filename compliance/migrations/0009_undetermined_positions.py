"""Let positions be undetermined."""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

_VERDICTS = ["met", "partly_met", "not_met", "undetermined"]
_KNOWN = models.CheckConstraint(
    condition=models.Q(verdict__in=_VERDICTS), name="position_verdict_known"
)


class Migration(migrations.Migration):
    """Rows are neither rewritten nor read, so the table is locked only for a moment.

    Migration 0011 validates the constraint, in a transaction of its own.
    """

    dependencies = [("compliance", "0008_sign_seals")]

    operations = [
        migrations.AlterField(
            model_name="position",
            name="verdict",
            field=models.CharField(
                choices=[(name, name.replace("_", " ")) for name in _VERDICTS], max_length=32
            ),
        ),
        migrations.RemoveConstraint(model_name="position", name="position_verdict_known"),
        AddConstraintNotValid(model_name="position", constraint=_KNOWN),
    ]
