"""Names of rows as people read them."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """Changes no table."""

    dependencies = [("compliance", "0019_proposal_visibility")]

    operations = [
        migrations.AlterModelOptions(
            name="obligationparty",
            options={
                "ordering": ("id",),
                "verbose_name": "party of an obligation",
                "verbose_name_plural": "parties of obligations",
            },
        ),
    ]
