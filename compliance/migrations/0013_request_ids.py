"""Longer ids of requests: proxies give them UUIDs."""

from __future__ import annotations


from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0012_import_batches'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditentry',
            name='request_id',
            field=models.CharField(db_default='', default='', max_length=36),
        ),
    ]
