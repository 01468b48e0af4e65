"""Access ends with the password and with the account."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0015_alerts_within_one_agreement'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='session_epoch',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='end_access', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    NEW.session_epoch = OLD.session_epoch;\n    IF NEW.password IS DISTINCT FROM OLD.password OR (OLD.is_active AND NOT NEW.is_active) THEN\n        NEW.session_epoch = OLD.session_epoch + 1;\n        DELETE FROM compliance_apitoken WHERE user_id = OLD.id;\n    END IF;\n    RETURN NEW;\n', hash='87c441db226d4b7d6912a09c2a03850836d4c30d', operation='UPDATE', pgid='pgtrigger_end_access_70d61', table='compliance_user', when='BEFORE')),
        ),
    ]
