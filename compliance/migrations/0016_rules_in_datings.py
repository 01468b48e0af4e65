"""Datings of milestones say which due rule dated them, so that `known_at` shows the former rule."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0015_search")]

    operations = [
        migrations.AddField(
            model_name="milestonedating",
            name="due",
            field=models.JSONField(null=True, help_text="The due rule that dated it, if one did."),
        ),
    ]
