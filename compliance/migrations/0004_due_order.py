"""Lists by due date, with those that have none at the end; built while the service runs."""

import datetime

import django.db.models.functions.comparison
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("compliance", "0003_due_rules")]

    operations = [
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                django.db.models.functions.comparison.Coalesce(
                    models.F("due_at"),
                    models.Value(
                        datetime.datetime(9998, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
                    ),
                ),
                models.F("id"),
                name="deadline_due_order",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                models.F("status"),
                django.db.models.functions.comparison.Coalesce(
                    models.F("due_at"),
                    models.Value(
                        datetime.datetime(9998, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
                    ),
                ),
                models.F("id"),
                name="deadline_status_due_order",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                models.F("agreement"),
                django.db.models.functions.comparison.Coalesce(
                    models.F("due_at"),
                    models.Value(
                        datetime.datetime(9998, 12, 31, 0, 0, tzinfo=datetime.timezone.utc)
                    ),
                ),
                models.F("id"),
                name="deadline_agreement_due_order",
            ),
        ),
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                condition=models.Q(("data_version", "")),
                fields=["obligation"],
                name="deadline_stale",
            ),
        ),
        AddIndexConcurrently(
            model_name="fact",
            index=models.Index(
                condition=models.Q(("agreement__isnull", False)),
                fields=["agreement", "id"],
                name="fact_of_agreement",
            ),
        ),
        RemoveIndexConcurrently(
            model_name="deadline",
            name="deadline_by_due",
        ),
        RemoveIndexConcurrently(
            model_name="deadline",
            name="deadline_by_status",
        ),
        RemoveIndexConcurrently(
            model_name="deadline",
            name="deadline_by_agreement",
        ),
    ]
