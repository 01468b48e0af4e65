"""The audit log, and the change history of accounts, groups and webhooks."""

from __future__ import annotations


import django.contrib.auth.models
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('compliance', '0009_sign_in'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField(editable=False, help_text='The place in the feed. Assigned after the commit, in the order of publication.', null=True, unique=True)),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(help_text='What was changed, such as `agreement`.', max_length=64)),
                ('action', models.CharField(choices=[('added', 'added'), ('changed', 'changed'), ('removed', 'removed'), ('secret_changed', 'secret changed'), ('signed_in', 'signed in'), ('signed_out', 'signed out'), ('sign_in_failed', 'sign in failed'), ('refused', 'refused')], max_length=32)),
                ('object_id', models.BigIntegerField(help_text='The id of what was changed.', null=True)),
                ('event_id', models.BigIntegerField(help_text='The copy of the row in the history.', null=True)),
                ('context_id', models.UUIDField(help_text='What belongs to the same request.', null=True)),
                ('address', models.CharField(db_default='', default='', max_length=45)),
                ('request_id', models.CharField(db_default='', default='', max_length=32)),
                ('details', models.JSONField(null=True)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='AuditExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='GroupEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.IntegerField()),
                ('name', models.CharField(max_length=150, verbose_name='name')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='GroupPermissionEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.IntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='UserEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('email', models.EmailField(max_length=254, verbose_name='email address')),
                ('is_service_account', models.BooleanField(db_default=False, default=False, help_text='Acts for a program: it has API tokens, and cannot sign in.', verbose_name='service account')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='UserGroupEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='UserPermissionEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='WebhookEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('kind', models.CharField(choices=[('standard', 'standard'), ('chat', 'chat')], default='standard', max_length=32)),
                ('former_until', models.DateTimeField(null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='TrackedUserPermission',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('compliance.user_user_permissions',),
        ),
        migrations.CreateModel(
            name='TrackedUserGroup',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('compliance.user_groups',),
        ),
        migrations.CreateModel(
            name='TrackedGroupPermission',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.group_permissions',),
        ),
        migrations.CreateModel(
            name='TrackedGroup',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.group',),
            managers=[
                ('objects', django.contrib.auth.models.GroupManager()),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='calendarfeed',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='calendarfeed',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='calendarfeed',
            name='delete_delete',
        ),
        migrations.RemoveField(
            model_name='calendarfeedevent',
            name='token_hash',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreementevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'agreement',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='3bdbbab6252558ddfe524b1f0d86e1fd61e50df9', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_8783b', referencing='REFERENCING NEW TABLE AS added ', table='compliance_agreementevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreementpartyevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'agreement_party',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='7516b54f0cf437678b353e2a52468c9b9f204bda', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_aba86', referencing='REFERENCING NEW TABLE AS added ', table='compliance_agreementpartyevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreementteamevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'agreement_team',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='082d4c2bbe7d043320330336d07f2150e46e219c', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_a13b9', referencing='REFERENCING NEW TABLE AS added ', table='compliance_agreementteamevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitokenevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'api_token',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='7e2e4c63715a7ad9fefb4d9382042bb7e417ba62', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_386dc', referencing='REFERENCING NEW TABLE AS added ', table='compliance_apitokenevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeed',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_calendarfeedevent" ("agreement_id", "created_at", "id", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at") SELECT new_values."agreement_id", new_values."created_at", new_values."id", new_values."name", new_values."owner_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."revoked_at" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='e15e3d959f552b3b5bdc00f51f25ce5a34bbe7e1', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_63a8b', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_calendarfeed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeed',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_calendarfeedevent" ("agreement_id", "created_at", "id", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at") SELECT new_values."agreement_id", new_values."created_at", new_values."id", new_values."name", new_values."owner_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."revoked_at" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."agreement_id" IS DISTINCT FROM (new_values."agreement_id") OR old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."name" IS DISTINCT FROM (new_values."name") OR old_values."owner_id" IS DISTINCT FROM (new_values."owner_id") OR old_values."revoked_at" IS DISTINCT FROM (new_values."revoked_at")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='86616e1678e05d039d37e143c1198b7b4b5e1dcc', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_6cfd9', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_calendarfeed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeed',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_calendarfeedevent" ("agreement_id", "created_at", "id", "name", "owner_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at") SELECT old_values."agreement_id", old_values."created_at", old_values."id", old_values."name", old_values."owner_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."revoked_at" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='c05fa66766e1cc3bd9c2a88f43d72fec37ebe610', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_7e794', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_calendarfeed', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeedevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'calendar_feed',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='9036dedc300da40a9ba83348883e908b8fd9548e', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_8b5fd', referencing='REFERENCING NEW TABLE AS added ', table='compliance_calendarfeedevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closingdayevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'closing_day',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='cf82c10e3822661257b4c4166697c5a379156324', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_3455b', referencing='REFERENCING NEW TABLE AS added ', table='compliance_closingdayevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customcalendarevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'custom_calendar',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='bac8c65f86d91938a3c070b9cca3c5d6d7ba6d31', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_462f8', referencing='REFERENCING NEW TABLE AS added ', table='compliance_customcalendarevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membershipevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'membership',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='c491ad47a1640e3b410e712d375c3e1a1f2dc2ef', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_ef67f', referencing='REFERENCING NEW TABLE AS added ', table='compliance_membershipevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='milestoneevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'milestone',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='da6a7f146d1d7516dabcfe386fedfcc019721c36', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_794bc', referencing='REFERENCING NEW TABLE AS added ', table='compliance_milestoneevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligationevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'obligation',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='dddae6993aec72bf06cbeea82a691526c9149fe3', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_2cd56', referencing='REFERENCING NEW TABLE AS added ', table='compliance_obligationevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligationpartyevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'obligation_party',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='4dfe29ccd7cb109018e13c893d63cbe2caa3f570', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_1682d', referencing='REFERENCING NEW TABLE AS added ', table='compliance_obligationpartyevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='partyevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'party',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='aa74a8fc20e6be505f883344b91a27fa269a5ce3', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_5a50f', referencing='REFERENCING NEW TABLE AS added ', table='compliance_partyevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposalevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'proposal',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='1423a5f68e363b0504f1657aeb52aaed139ca046', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_9e416', referencing='REFERENCING NEW TABLE AS added ', table='compliance_proposalevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silenceevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'silence',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='582d4e3facc5b0380853efd623ed38e7b3803e0e', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_dab8c', referencing='REFERENCING NEW TABLE AS added ', table='compliance_silenceevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscriptionevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'subscription',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='5e46a0c4f50733f322607d28b49a3f66da1782db', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_98bd0', referencing='REFERENCING NEW TABLE AS added ', table='compliance_subscriptionevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='teamevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'team',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='ba96840ff7cf2cb70db28eb694221f07a7b17bf6', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_0eeff', referencing='REFERENCING NEW TABLE AS added ', table='compliance_teamevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userevent" ("date_joined", "email", "first_name", "id", "is_active", "is_service_account", "is_staff", "is_superuser", "last_name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."date_joined", new_values."email", new_values."first_name", new_values."id", new_values."is_active", new_values."is_service_account", new_values."is_staff", new_values."is_superuser", new_values."last_name", _pgh_attached_context.value, NOW(), \'insert\', new_values."id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='8cbf748b074bb071231440f39ac689ab32217078', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_c9ee5', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userevent" ("date_joined", "email", "first_name", "id", "is_active", "is_service_account", "is_staff", "is_superuser", "last_name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."date_joined", new_values."email", new_values."first_name", new_values."id", new_values."is_active", new_values."is_service_account", new_values."is_staff", new_values."is_superuser", new_values."last_name", _pgh_attached_context.value, NOW(), \'update\', new_values."id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."date_joined" IS DISTINCT FROM (new_values."date_joined") OR old_values."email" IS DISTINCT FROM (new_values."email") OR old_values."first_name" IS DISTINCT FROM (new_values."first_name") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."is_active" IS DISTINCT FROM (new_values."is_active") OR old_values."is_service_account" IS DISTINCT FROM (new_values."is_service_account") OR old_values."is_staff" IS DISTINCT FROM (new_values."is_staff") OR old_values."is_superuser" IS DISTINCT FROM (new_values."is_superuser") OR old_values."last_name" IS DISTINCT FROM (new_values."last_name")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='a66cb3d0879ff475deaf7779982fa315f1a64caa', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_c99ba', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userevent" ("date_joined", "email", "first_name", "id", "is_active", "is_service_account", "is_staff", "is_superuser", "last_name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT old_values."date_joined", old_values."email", old_values."first_name", old_values."id", old_values."is_active", old_values."is_service_account", old_values."is_staff", old_values."is_superuser", old_values."last_name", _pgh_attached_context.value, NOW(), \'delete\', old_values."id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='11a85f7a0eb8e32a11b483fd1cf3ab00c9df144d', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_3554f', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='user',
            trigger=pgtrigger.compiler.Trigger(name='audit_secrets', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."password" IS DISTINCT FROM (NEW."password"))', func='\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id, details)\n            SELECT now(), \'user\', \'secret_changed\', NEW.id, NULL,\n                c.id, (c.data ->> \'user\')::bigint, coalesce(c.data ->> \'address\', \'\'), coalesce(c.data ->> \'request\', \'\'), jsonb_build_object(\'fields\', \'[]\'::jsonb || CASE WHEN OLD.password IS DISTINCT FROM NEW.password THEN \'["password"]\'::jsonb ELSE \'[]\' END)\n            FROM (\n    SELECT nullif(current_setting(\'pghistory.context_id\', true), \'\')::uuid AS id,\n        nullif(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ', hash='e1b86694bf71cc3f51314ab3afc1238f5b0905f3', operation='UPDATE', pgid='pgtrigger_audit_secrets_edcf6', table='compliance_user', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhook',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_webhookevent" ("created_at", "former_until", "id", "is_active", "kind", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."created_at", new_values."former_until", new_values."id", new_values."is_active", new_values."kind", new_values."name", _pgh_attached_context.value, NOW(), \'insert\', new_values."id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='1e3af55223d10f253b0ac4b2a932f8101094babb', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_3b535', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_webhook', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhook',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_webhookevent" ("created_at", "former_until", "id", "is_active", "kind", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."created_at", new_values."former_until", new_values."id", new_values."is_active", new_values."kind", new_values."name", _pgh_attached_context.value, NOW(), \'update\', new_values."id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."former_until" IS DISTINCT FROM (new_values."former_until") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."is_active" IS DISTINCT FROM (new_values."is_active") OR old_values."kind" IS DISTINCT FROM (new_values."kind") OR old_values."name" IS DISTINCT FROM (new_values."name")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='681fec04c2c80be8405ddd099790e35d66705486', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_9a394', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_webhook', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhook',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_webhookevent" ("created_at", "former_until", "id", "is_active", "kind", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT old_values."created_at", old_values."former_until", old_values."id", old_values."is_active", old_values."kind", old_values."name", _pgh_attached_context.value, NOW(), \'delete\', old_values."id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='95960a6a17a36c525e686c046463a8a45ca2a760', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_90c03', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_webhook', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhook',
            trigger=pgtrigger.compiler.Trigger(name='audit_secrets', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."former_secret" IS DISTINCT FROM (NEW."former_secret") OR OLD."secret" IS DISTINCT FROM (NEW."secret") OR OLD."url" IS DISTINCT FROM (NEW."url"))', func='\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id, details)\n            SELECT now(), \'webhook\', \'secret_changed\', NEW.id, NULL,\n                c.id, (c.data ->> \'user\')::bigint, coalesce(c.data ->> \'address\', \'\'), coalesce(c.data ->> \'request\', \'\'), jsonb_build_object(\'fields\', \'[]\'::jsonb || CASE WHEN OLD.url IS DISTINCT FROM NEW.url THEN \'["url"]\'::jsonb ELSE \'[]\' END || CASE WHEN OLD.secret IS DISTINCT FROM NEW.secret THEN \'["secret"]\'::jsonb ELSE \'[]\' END || CASE WHEN OLD.former_secret IS DISTINCT FROM NEW.former_secret THEN \'["former_secret"]\'::jsonb ELSE \'[]\' END)\n            FROM (\n    SELECT nullif(current_setting(\'pghistory.context_id\', true), \'\')::uuid AS id,\n        nullif(current_setting(\'pghistory.context_metadata\', true), \'\')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ', hash='215aabd3a0f25c6f8dcf2ee9a12000308f004c7a', operation='UPDATE', pgid='pgtrigger_audit_secrets_1a4e5', table='compliance_webhook', when='AFTER')),
        ),
        migrations.AddField(
            model_name='auditentry',
            name='actor',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='groupevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='grouppermissionevent',
            name='group',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.group'),
        ),
        migrations.AddField(
            model_name='grouppermissionevent',
            name='permission',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.permission'),
        ),
        migrations.AddField(
            model_name='grouppermissionevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='userevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='userevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='usergroupevent',
            name='group',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.group'),
        ),
        migrations.AddField(
            model_name='usergroupevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='usergroupevent',
            name='user',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='userpermissionevent',
            name='permission',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='auth.permission'),
        ),
        migrations.AddField(
            model_name='userpermissionevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='userpermissionevent',
            name='user',
            field=models.ForeignKey(db_constraint=False, db_tablespace='', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='webhookevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='webhookevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.webhook'),
        ),
        migrations.AddField(
            model_name='userpermissionevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.trackeduserpermission'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduserpermission',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userpermissionevent" ("id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT new_values."id", new_values."permission_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."user_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='30898677ec92d37274f868471e780f809cc18ca2', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_6df1e', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_user_user_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduserpermission',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userpermissionevent" ("id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT new_values."id", new_values."permission_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."user_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='da16dcec3c470abeff3981c9182b4476350f93c0', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_0f487', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_user_user_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackeduserpermission',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_userpermissionevent" ("id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT old_values."id", old_values."permission_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."user_id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='5e1e67ff82b26c1701cdfd20bfe07e0661e6a26c', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_aec12', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_user_user_permissions', when='AFTER')),
        ),
        migrations.AddField(
            model_name='usergroupevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.trackedusergroup'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroup',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_usergroupevent" ("group_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT new_values."group_id", new_values."id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."user_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='6b524d604cb1d8c3070993322fb36c6bddb28571', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_713f8', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_user_groups', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroup',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_usergroupevent" ("group_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT new_values."group_id", new_values."id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."user_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='a76b46bbb0d535ad615430d4fc1d2396dc6dc81a', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_da4ec', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_user_groups', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedusergroup',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_usergroupevent" ("group_id", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "user_id") SELECT old_values."group_id", old_values."id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."user_id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='0833f66bb287db43fa731644fd73f960f94a1e1f', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_2d233', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_user_groups', when='AFTER')),
        ),
        migrations.AddField(
            model_name='grouppermissionevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.trackedgrouppermission'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermission',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_grouppermissionevent" ("group_id", "id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."group_id", new_values."id", new_values."permission_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='1761910a4d871aa767104300235d06142c529e08', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_0f826', referencing='REFERENCING NEW TABLE AS new_values ', table='auth_group_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermission',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_grouppermissionevent" ("group_id", "id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."group_id", new_values."id", new_values."permission_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='7a57de88ae00ca54122b343777453028395501b0', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b04ae', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='auth_group_permissions', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgrouppermission',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_grouppermissionevent" ("group_id", "id", "permission_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT old_values."group_id", old_values."id", old_values."permission_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='d1934e12c8385aa77d0750c2e47820f6b98d8f40', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_cde07', referencing='REFERENCING OLD TABLE AS old_values ', table='auth_group_permissions', when='AFTER')),
        ),
        migrations.AddField(
            model_name='groupevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.trackedgroup'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_groupevent" ("id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."id", new_values."name", _pgh_attached_context.value, NOW(), \'insert\', new_values."id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='d2c9f0b842ddd01abd1bc2a3934c8ed7e3c27148', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_3257d', referencing='REFERENCING NEW TABLE AS new_values ', table='auth_group', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_groupevent" ("id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT new_values."id", new_values."name", _pgh_attached_context.value, NOW(), \'update\', new_values."id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='859728db0c77c5786ab709b91377f2f1e4bbdbc9', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_52225', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='auth_group', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='trackedgroup',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_groupevent" ("id", "name", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id") SELECT old_values."id", old_values."name", _pgh_attached_context.value, NOW(), \'delete\', old_values."id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='b922b5e75622074ce535a9289853dfe9db11120f', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_34633', referencing='REFERENCING OLD TABLE AS old_values ', table='auth_group', when='AFTER')),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('position__isnull', True)), fields=['id'], name='auditentry_waiting'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['actor', 'position'], name='auditentry_actor'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['kind', 'object_id', 'position'], name='auditentry_object'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='auditentry_period'),
        ),
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(condition=models.Q(('action__in', ['sign_in_failed', 'refused'])), fields=['address', 'at'], name='auditentry_refusals'),
        ),
        migrations.AddConstraint(
            model_name='auditentry',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['added', 'changed', 'removed', 'secret_changed', 'signed_in', 'signed_out', 'sign_in_failed', 'refused'])), name='auditentry_action_known'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='dccfe934b8a23d9a6fa4a47a61c01087cc48897e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_82a4a', table='compliance_auditentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='536e63ecfff53253b119210dc2d9094c2c16fa6a', operation='DELETE', pgid='pgtrigger_append_only_48649', table='compliance_auditentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='read_only', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."action" IS DISTINCT FROM (NEW."action") OR OLD."object_id" IS DISTINCT FROM (NEW."object_id") OR OLD."event_id" IS DISTINCT FROM (NEW."event_id") OR OLD."context_id" IS DISTINCT FROM (NEW."context_id") OR OLD."actor_id" IS DISTINCT FROM (NEW."actor_id") OR OLD."address" IS DISTINCT FROM (NEW."address") OR OLD."request_id" IS DISTINCT FROM (NEW."request_id") OR OLD."details" IS DISTINCT FROM (NEW."details"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='31061281232db8a204ffe195c0f8056b8ee857e5', operation='UPDATE', pgid='pgtrigger_read_only_62f32', table='compliance_auditentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='auditentry',
            trigger=pgtrigger.compiler.Trigger(name='published_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."position" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='fdd83f47dbf0ac9373b9169cff0a320e7b06d8b3', operation='UPDATE', pgid='pgtrigger_published_once_fabf9', table='compliance_auditentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='d9a18283d5aa15c9e888b8a9d9a093478de6c0e6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_6ec1f', table='compliance_userevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'user',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='40b6815a252862ea7262ed074f9eaaac3b4ab60b', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_57148', referencing='REFERENCING NEW TABLE AS added ', table='compliance_userevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='61cf3ca2b4bca4e03d1c1f52fa7e2881f9756898', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_626c8', table='compliance_userevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhookevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='3a378d19622f2662ab64f1457b5cff7bf604ed13', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_cfbd9', table='compliance_webhookevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhookevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'webhook',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='84309eb3fabf8c0dce2f42e981057bfb5cb059f5', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_e7f0b', referencing='REFERENCING NEW TABLE AS added ', table='compliance_webhookevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='webhookevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b84e8de3d3a841d16b2564e8d6255d42f97182b4', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_24714', table='compliance_webhookevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userpermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='8da185257bf2ce8e5eec270d2d743733f1ebfc49', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_65cd0', table='compliance_userpermissionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userpermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'user_permission',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='8e8c77e478c71e597c1032ea75af02756404a26b', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_08096', referencing='REFERENCING NEW TABLE AS added ', table='compliance_userpermissionevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='userpermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a5c5222665379d6d8e58e5d0a13ce6b2dd90e4df', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_2d5ce', table='compliance_userpermissionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='usergroupevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='5fde89970cdca31996cedf0cdbdb618b05170d52', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_e648c', table='compliance_usergroupevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='usergroupevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'user_group',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='72cb65b8d1f9a151daa1616d0d3079f8f2f5f6d9', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_ba844', referencing='REFERENCING NEW TABLE AS added ', table='compliance_usergroupevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='usergroupevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7e46f20094f8868cf4eb6982da04cdb771614f15', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_ba98e', table='compliance_usergroupevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grouppermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='b8223f6418aa4e965d4510222c04889fd01ad4ee', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_66cdc', table='compliance_grouppermissionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grouppermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'group_permission',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='3a341b6cebffba7da60e2c9024f29f16cfe802dd', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_71cff', referencing='REFERENCING NEW TABLE AS added ', table='compliance_grouppermissionevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grouppermissionevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3dfdf5ce595ff7d01a84d77ea18b6406fb5f009f', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_5a95b', table='compliance_grouppermissionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='groupevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='2f0244bd3efc5c8ae563878a484a36ec623ba3e9', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_b299a', table='compliance_groupevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='groupevent',
            trigger=pgtrigger.compiler.Trigger(name='audit', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            INSERT INTO compliance_auditentry (at, kind, action, object_id, event_id, context_id, actor_id, address, request_id)\n            SELECT a.pgh_created_at, 'group',\n                CASE a.pgh_label WHEN 'insert' THEN 'added' WHEN 'update' THEN 'changed'\n                    ELSE 'removed' END,\n                a.pgh_obj_id, a.pgh_id, a.pgh_context_id, (c.data ->> 'user')::bigint, coalesce(c.data ->> 'address', ''), coalesce(c.data ->> 'request', '')\n            FROM added AS a, (\n    SELECT nullif(current_setting('pghistory.context_id', true), '')::uuid AS id,\n        nullif(current_setting('pghistory.context_metadata', true), '')::jsonb AS data\n) AS c;\n            RETURN NULL;\n        ", hash='cc1f0e8ce024cd23f72eb3b9ceefd97e03794b8b', level='STATEMENT', operation='INSERT', pgid='pgtrigger_audit_c4bec', referencing='REFERENCING NEW TABLE AS added ', table='compliance_groupevent', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='groupevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3284703955bbaa5e68f152697ed3bfde61b225ad', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_ba209', table='compliance_groupevent', when='BEFORE')),
        ),
    ]
