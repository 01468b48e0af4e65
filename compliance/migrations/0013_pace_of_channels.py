"""When each message was last claimed, so that no channel is given more than it takes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("compliance", "0012_subscriptions_once")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="claimed_at",
            field=models.DateTimeField(
                help_text="When it was last taken up to be sent.", null=True
            ),
        ),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(fields=["claimed_at"], name="message_claimed"),
        ),
    ]
