"""Webhooks remember until when their receiver asked not to be called."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_composite_keys")]

    operations = [
        migrations.AddField(
            "webhook",
            "paused_until",
            models.DateTimeField(
                help_text="Not called before this: the receiver asked for a pause.", null=True
            ),
        ),
    ]
