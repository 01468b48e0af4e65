"""Milestones with a due rule of their own."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds the rule of a milestone."""

    dependencies = [("compliance", "0011_precision_and_shares")]

    operations = [
        migrations.AddField(
            model_name="milestone",
            name="due",
            field=models.JSONField(
                blank=True,
                help_text="The rule that gives its date, if it counts from another milestone.",
                null=True,
            ),
        ),
    ]
