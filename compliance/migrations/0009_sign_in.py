"""Counts of attempts to sign in, requested password links, and what ends with a new address."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# The table of Django's database cache, as `createcachetable` creates it.
_CREATE_CACHE = """
CREATE TABLE compliance_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX compliance_cache_expires ON compliance_cache (expires);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0008_api_tokens'),
    ]

    operations = [
        migrations.RunSQL(_CREATE_CACHE, "DROP TABLE compliance_cache"),
        migrations.CreateModel(
            name='AttemptCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.BinaryField(max_length=32, unique=True)),
                ('count', models.PositiveIntegerField()),
                ('ends_at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='PasswordLinkRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.CharField(max_length=254)),
                ('requested_at', models.DateTimeField()),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='user',
            name='end_access',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='end_access', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    NEW.session_epoch = OLD.session_epoch;\n    IF NEW.password IS DISTINCT FROM OLD.password OR (OLD.is_active AND NOT NEW.is_active)\n        OR NEW.email IS DISTINCT FROM OLD.email\n    THEN\n        NEW.session_epoch = OLD.session_epoch + 1;\n        UPDATE compliance_apitoken SET revoked_at = now()\n        WHERE user_id = OLD.id AND revoked_at IS NULL;\n        UPDATE compliance_calendarfeed SET revoked_at = now()\n        WHERE owner_id = OLD.id AND revoked_at IS NULL;\n    END IF;\n    RETURN NEW;\n', hash='2f3da332500f3781ac341da0afedb773134496fb', operation='UPDATE', pgid='pgtrigger_end_access_70d61', table='compliance_user', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='attemptcount',
            index=models.Index(fields=['ends_at'], name='attemptcount_ends_at'),
        ),
    ]
