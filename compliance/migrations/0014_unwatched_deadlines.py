"""What the audit reads; and a webhook that somebody was told by is never deleted."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("compliance", "0013_pace_of_channels")]

    operations = [
        AddIndexConcurrently(
            model_name="deadline",
            index=models.Index(
                condition=models.Q(
                    ("next_check_at__isnull", True),
                    ("status__in", ["pending", "holding", "in_grace"]),
                ),
                fields=["id"],
                name="deadline_unwatched",
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="webhook",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="messages",
                to="compliance.webhook",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="webhook",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="subscriptions",
                to="compliance.webhook",
            ),
        ),
    ]
