"""API tokens in a table of their own, which keeps revoked ones, and service accounts."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('compliance', '0007_measurements'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        # The keys in the former table had another form. New tokens replace them.
        migrations.DeleteModel(name='ApiToken'),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200)),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('former_digest', models.BinaryField(help_text='Of the key before the last rotation, valid until `former_until`.', max_length=32, null=True, unique=True)),
                ('former_until', models.DateTimeField(null=True)),
                ('is_read_only', models.BooleanField(default=False)),
                ('networks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=49), help_text='Where it may be used from, in CIDR notation. NULL: from everywhere.', null=True, size=None)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(null=True)),
                ('last_used_at', models.DateTimeField(help_text='Precise to a minute.', null=True)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='ApiTokenEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('former_until', models.DateTimeField(null=True)),
                ('is_read_only', models.BooleanField(default=False)),
                ('networks', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=49), help_text='Where it may be used from, in CIDR notation. NULL: from everywhere.', null=True, size=None)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(null=True)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('revoked_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='user',
            name='end_access',
        ),
        migrations.AddField(
            model_name='user',
            name='is_service_account',
            field=models.BooleanField(db_default=False, default=False, help_text='Acts for a program: it has API tokens, and cannot sign in.', verbose_name='service account'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='end_access', sql=pgtrigger.compiler.UpsertTriggerSql(func='\n    NEW.session_epoch = OLD.session_epoch;\n    IF NEW.password IS DISTINCT FROM OLD.password OR (OLD.is_active AND NOT NEW.is_active) THEN\n        NEW.session_epoch = OLD.session_epoch + 1;\n        UPDATE compliance_apitoken SET revoked_at = now()\n        WHERE user_id = OLD.id AND revoked_at IS NULL;\n    END IF;\n    RETURN NEW;\n', hash='7a7cadd5a0a2c7aa78a9fce84df0b3f740e88c4d', operation='UPDATE', pgid='pgtrigger_end_access_70d61', table='compliance_user', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_service_account', False), models.Q(('is_staff', False), ('password__startswith', '!')), _connector='OR'), name='user_service_account_has_no_password'),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='api_tokens', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='apitokenevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='apitokenevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.apitoken'),
        ),
        migrations.AddField(
            model_name='apitokenevent',
            name='user',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('user', 'name'), name='apitoken_name'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('former_digest', None), ('former_until', None)), models.Q(('former_digest__isnull', False), ('former_until__isnull', False)), _connector='OR'), name='apitoken_former_key'),
        ),
        migrations.AddConstraint(
            model_name='apitoken',
            constraint=models.CheckConstraint(condition=models.Q(('former_digest', None), models.Q(('former_digest', models.F('digest')), _negated=True), _connector='OR'), name='apitoken_keys_differ'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "user_id") SELECT new_values."created_at", new_values."expires_at", new_values."former_until", new_values."id", new_values."is_read_only", new_values."name", new_values."networks", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."revoked_at", new_values."rotated_at", new_values."user_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='3654b38c1292fe207b1c748d0c9020e7253a953b', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_9a02c', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_apitoken', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "user_id") SELECT new_values."created_at", new_values."expires_at", new_values."former_until", new_values."id", new_values."is_read_only", new_values."name", new_values."networks", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."revoked_at", new_values."rotated_at", new_values."user_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."expires_at" IS DISTINCT FROM (new_values."expires_at") OR old_values."former_until" IS DISTINCT FROM (new_values."former_until") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."is_read_only" IS DISTINCT FROM (new_values."is_read_only") OR old_values."name" IS DISTINCT FROM (new_values."name") OR old_values."networks" IS DISTINCT FROM (new_values."networks") OR old_values."revoked_at" IS DISTINCT FROM (new_values."revoked_at") OR old_values."rotated_at" IS DISTINCT FROM (new_values."rotated_at") OR old_values."user_id" IS DISTINCT FROM (new_values."user_id")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='95ec73d6d8eba6d3c6e1e3f0b91515bea876e510', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b5095', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_apitoken', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "user_id") SELECT old_values."created_at", old_values."expires_at", old_values."former_until", old_values."id", old_values."is_read_only", old_values."name", old_values."networks", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."revoked_at", old_values."rotated_at", old_values."user_id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='d7bff90fa3fb3008d827dc7c3e5b51a7396dd798', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_747d3', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_apitoken', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitokenevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='382dad4048fd19d0df96fb3db671914fbed704c2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_e4b3e', table='compliance_apitokenevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitokenevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='baecae3ee6a5bc97b9a9ab3233cc22879b942f7b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_26f48', table='compliance_apitokenevent', when='BEFORE')),
        ),
    ]
