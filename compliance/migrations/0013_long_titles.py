"""Titles of agreements, obligations, milestones and evidence have up to 1,000 characters.

A longer `varchar` needs no rewrite of the table.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0012_milestone_rules")]

    operations = [
        *(
            migrations.AlterField(name, "title", models.CharField(max_length=1000))
            for name in ("agreement", "agreementevent", "evidence", "obligation", "obligationevent")
        ),
        *(
            migrations.AlterField(
                name, "title", models.CharField(blank=True, default="", max_length=1000)
            )
            for name in ("milestone", "milestonedating", "milestoneevent")
        ),
    ]
