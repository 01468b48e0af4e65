"""Add the indexes of the order by `status_since` and of two filters, while others use the tables."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Nobody waits while the indexes are built.

    If that is interrupted, an invalid index of the same name remains: drop it, and migrate again.
    """

    atomic = False

    dependencies = [("compliance", "0011_validate_position_verdicts")]

    operations = [
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(fields=["status_since", "id"], name="deadline_since_order"),
        ),
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                condition=models.Q(("is_disputed", True)), fields=["id"], name="deadline_disputed"
            ),
        ),
        AddIndexConcurrently(
            model_name="breach",
            index=models.Index(
                condition=models.Q(("acknowledged_at__isnull", False)),
                fields=["deadline"],
                name="breach_acknowledged",
            ),
        ),
    ]
