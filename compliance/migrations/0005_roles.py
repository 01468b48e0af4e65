"""The permissions that distinguish reviewers. The groups of the roles are created after it."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_reject_truncate")]

    operations = [
        migrations.AlterModelOptions(
            name="deadline",
            options={
                "ordering": ("due_at", "id"),
                "permissions": (
                    ("determine_deadline", "Can determine whether a deadline was met"),
                    ("waive_deadline", "Can waive a deadline"),
                ),
            },
        )
    ]
