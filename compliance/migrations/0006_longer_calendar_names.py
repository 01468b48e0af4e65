"""Room for `desk:` and `weekend:` calendars. Rewrites one small table: agreements are few."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_constraints_hold")]

    operations = [
        migrations.AlterField(
            model_name="agreement",
            name="calendars",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), blank=True, default=list, size=None
            ),
        ),
        migrations.AlterField(
            model_name="agreementevent",
            name="calendars",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=64), blank=True, default=list, size=None
            ),
        ),
    ]
