"""Breaches that predate the entry of their deadline are announced in summaries."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_knowledge_of_terms")]

    operations = [
        migrations.AddField(
            "deadline",
            "entered_at",
            models.DateTimeField(
                help_text="When its obligation was entered. Earlier breaches are not news.",
                null=True,
            ),
        ),
        migrations.AddField(
            "deadline",
            "announcement",
            models.CharField(
                choices=[("summary", "summary"), ("all", "all"), ("none", "none")],
                db_default="summary",
                default="summary",
                max_length=32,
            ),
        ),
        migrations.AddConstraint(
            "deadline",
            models.CheckConstraint(
                condition=models.Q(announcement__in=["summary", "all", "none"]),
                name="deadline_announcement_known",
            ),
        ),
        migrations.AddField(
            "alert",
            "predates_entry",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="The breach began before its deadline was entered: part of a summary.",
            ),
        ),
        migrations.AddField(
            "message",
            "is_summary",
            models.BooleanField(
                db_default=False,
                default=False,
                help_text="It reports breaches that began before their deadlines were entered.",
            ),
        ),
    ]
