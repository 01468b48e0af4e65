"""Who is told: ladders, wider subscriptions, acknowledgements, silences, webhooks.

Constraints on tables that may be large are added without a look at the rows that are there:
that, and their index, follow without a lock in 0011.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0009_feeds_and_audits'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=1000)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='SilenceEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('until_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=1000)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=200, unique=True)),
                ('kind', models.CharField(choices=[('standard', 'standard'), ('chat', 'chat')], default='standard', max_length=32)),
                ('url', models.CharField(help_text='Of a chat, it holds a secret.', max_length=2000)),
                ('secret', models.CharField(blank=True, default='', max_length=100)),
                ('former_secret', models.CharField(blank=True, default='', help_text='Signs too, until `former_until`.', max_length=100)),
                ('former_until', models.DateTimeField(null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='agreement',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='agreement',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='agreement',
            name='delete_delete',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='obligation',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='obligation',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='obligation',
            name='delete_delete',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='subscription',
            name='delete_delete',
        ),
        migrations.RemoveConstraint(
            model_name='alert',
            name='alert_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='breach',
            name='breach_acknowledged_by_someone',
        ),
        migrations.RemoveConstraint(
            model_name='message',
            name='message_state_known',
        ),
        migrations.RemoveConstraint(
            model_name='subscription',
            name='subscription_once',
        ),
        migrations.AddField(
            model_name='agreement',
            name='ladder',
            field=models.JSONField(blank=True, help_text='When people are reminded, and told again of a miss.', null=True),
        ),
        migrations.AddField(
            model_name='agreementevent',
            name='ladder',
            field=models.JSONField(blank=True, help_text='When people are reminded, and told again of a miss.', null=True),
        ),
        migrations.AddField(
            model_name='alert',
            name='breach_at',
            field=models.DateTimeField(help_text='When the breach occurred that it tells of.', null=True),
        ),
        migrations.AddField(
            model_name='alert',
            name='due_at',
            field=models.DateTimeField(help_text='The due instant of a reminder, or that before a change.', null=True),
        ),
        migrations.AddField(
            model_name='alert',
            name='is_digest',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='alert',
            name='level',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='How many rungs were climbed when it was made.'),
        ),
        migrations.AddField(
            model_name='alert',
            name='not_before',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text="Its recipient's next digest, or the end of their quiet hours."),
        ),
        migrations.AddField(
            model_name='alert',
            name='reason',
            field=models.CharField(blank=True, choices=[('agreed', 'agreed'), ('triggered', 'triggered'), ('period_began', 'period began'), ('period_ended', 'period ended'), ('window_began', 'window began'), ('due_passed', 'due passed'), ('grace_ended', 'grace ended'), ('performed', 'performed'), ('performed_in_window', 'performed in window'), ('part_performed', 'part performed'), ('target_restated', 'target restated'), ('violated', 'violated'), ('cured', 'cured'), ('determined', 'determined'), ('component_done', 'component done'), ('extended', 'extended'), ('rescheduled', 'rescheduled'), ('waived', 'waived'), ('suspended', 'suspended'), ('resumed', 'resumed'), ('cancelled', 'cancelled'), ('terminated', 'terminated'), ('withdrawn', 'withdrawn')], max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='breach',
            name='acknowledged_as',
            field=models.CharField(blank=True, db_default='', default='', help_text='Who says to be at it.', max_length=254),
        ),
        migrations.AddField(
            model_name='breach',
            name='acknowledged_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='obligation',
            name='ladder',
            field=models.JSONField(blank=True, help_text='When people are reminded, and told again of a miss.', null=True),
        ),
        migrations.AddField(
            model_name='obligationevent',
            name='ladder',
            field=models.JSONField(blank=True, help_text='When people are reminded, and told again of a miss.', null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='digest_hour',
            field=models.PositiveSmallIntegerField(db_default=8, default=8),
        ),
        migrations.AddField(
            model_name='subscription',
            name='digest_weekday',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Of a weekly digest; 0 is Monday.'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='from_escalation',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='0: told from the start. 1: only from the first escalation on, and so forth.'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='is_owner',
            field=models.BooleanField(db_default=False, default=False, help_text='Only obligations that this address owns.'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='kinds',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), blank=True, db_default=[], default=list, help_text='Which kinds of alert; all, if none is named.', size=None),
        ),
        migrations.AddField(
            model_name='subscription',
            name='min_severity',
            field=models.CharField(choices=[('low', 'low'), ('normal', 'normal'), ('high', 'high'), ('critical', 'critical')], db_default='low', default='low', max_length=32),
        ),
        migrations.AddField(
            model_name='subscription',
            name='party',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='compliance.party'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='quiet_from',
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='quiet_until',
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='refusal',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='subscription',
            name='refused_at',
            field=models.DateTimeField(blank=True, help_text='When a mail to this address was last refused for good.', null=True),
        ),
        migrations.AddField(
            model_name='subscription',
            name='rhythm',
            field=models.CharField(choices=[('at_once', 'at once'), ('daily', 'daily'), ('weekly', 'weekly')], db_default='at_once', default='at_once', max_length=32),
        ),
        migrations.AddField(
            model_name='subscription',
            name='since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='What was found before it is not its concern.'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='tag',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='subscription',
            name='timezone',
            field=models.CharField(db_default='UTC', default='UTC', max_length=64),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='digest_hour',
            field=models.PositiveSmallIntegerField(db_default=8, default=8),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='digest_weekday',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='Of a weekly digest; 0 is Monday.'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='from_escalation',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, help_text='0: told from the start. 1: only from the first escalation on, and so forth.'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='is_owner',
            field=models.BooleanField(db_default=False, default=False, help_text='Only obligations that this address owns.'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='kinds',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), blank=True, db_default=[], default=list, help_text='Which kinds of alert; all, if none is named.', size=None),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='min_severity',
            field=models.CharField(choices=[('low', 'low'), ('normal', 'normal'), ('high', 'high'), ('critical', 'critical')], db_default='low', default='low', max_length=32),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='party',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.party'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='quiet_from',
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='quiet_until',
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='refusal',
            field=models.TextField(blank=True, db_default='', default=''),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='refused_at',
            field=models.DateTimeField(blank=True, help_text='When a mail to this address was last refused for good.', null=True),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='rhythm',
            field=models.CharField(choices=[('at_once', 'at once'), ('daily', 'daily'), ('weekly', 'weekly')], db_default='at_once', default='at_once', max_length=32),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now, help_text='What was found before it is not its concern.'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='tag',
            field=models.CharField(blank=True, db_default='', default='', max_length=64),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='timezone',
            field=models.CharField(db_default='UTC', default='UTC', max_length=64),
        ),
        migrations.AlterField(
            model_name='alert',
            name='kind',
            field=models.CharField(choices=[('reminder', 'reminder'), ('missed', 'missed'), ('escalated', 'escalated'), ('unsilenced', 'unsilenced'), ('recovered', 'recovered'), ('changed', 'changed')], max_length=32),
        ),
        migrations.AlterField(
            model_name='alert',
            name='occasion',
            field=models.DateTimeField(help_text='The instant that makes it one of a kind.'),
        ),
        migrations.AlterField(
            model_name='alert',
            name='recipient',
            field=models.EmailField(help_text='An address, or webhook: and its number.', max_length=254),
        ),
        migrations.AlterField(
            model_name='message',
            name='agreement',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='compliance.agreement'),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('waiting', 'waiting'), ('sent', 'sent'), ('refused', 'refused'), ('given_up', 'given up'), ('withdrawn', 'withdrawn')], default='waiting', max_length=32),
        ),
        migrations.AlterField(
            model_name='subscription',
            name='email',
            field=models.EmailField(blank=True, max_length=254),
        ),
        migrations.AlterField(
            model_name='subscriptionevent',
            name='email',
            field=models.EmailField(blank=True, max_length=254),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "ladder", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT new_values."calendars", new_values."created_at", new_values."ends_on", new_values."id", new_values."in_force_on", new_values."is_four_eyes", new_values."kind", new_values."ladder", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."signed_on", new_values."timezone", new_values."title" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='9edfa0cada0cf45d76012ef5fdaa3cc041765e9d', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_07249', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "ladder", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT new_values."calendars", new_values."created_at", new_values."ends_on", new_values."id", new_values."in_force_on", new_values."is_four_eyes", new_values."kind", new_values."ladder", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."signed_on", new_values."timezone", new_values."title" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='e2760c238f06e4602f25fcc6d17fbba3174db05b', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b4ef8', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "ladder", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT old_values."calendars", old_values."created_at", old_values."ends_on", old_values."id", old_values."in_force_on", old_values."is_four_eyes", old_values."kind", old_values."ladder", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."signed_on", old_values."timezone", old_values."title" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='95c62be30db1da4018e92dcd9172f024e9bd5c86', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_26ba9', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "ladder", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."ladder", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."roll_up", new_values."roll_up_share", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='74da8dc31d5b8424ea8d9205796f69468dad5866', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_d295b', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_obligation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "ladder", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."ladder", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."roll_up", new_values."roll_up_share", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='e804816c9fb7de84d66a837ef80e454fa9711f5c', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_53828', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_obligation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "ladder", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT old_values."agreement_id", old_values."clause", old_values."due", old_values."grace", old_values."id", old_values."is_surviving", old_values."kind", old_values."ladder", old_values."owner", old_values."parent_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."roll_up", old_values."roll_up_share", old_values."severity", old_values."starts", old_values."tags", old_values."target_quantity", old_values."text", old_values."title", old_values."unit" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='c11fea0e060e21cfcd0eddcb327e8b36b87f81c9', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_ec4eb', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_obligation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_subscriptionevent" ("agreement_id", "digest_hour", "digest_weekday", "email", "from_escalation", "id", "is_active", "is_owner", "kinds", "min_severity", "party_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "quiet_from", "quiet_until", "refusal", "refused_at", "rhythm", "since", "tag", "timezone", "webhook_id") SELECT new_values."agreement_id", new_values."digest_hour", new_values."digest_weekday", new_values."email", new_values."from_escalation", new_values."id", new_values."is_active", new_values."is_owner", new_values."kinds", new_values."min_severity", new_values."party_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."quiet_from", new_values."quiet_until", new_values."refusal", new_values."refused_at", new_values."rhythm", new_values."since", new_values."tag", new_values."timezone", new_values."webhook_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='fbe1a328eead206fcc060ee02cf7d036774d4b93', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_914b5', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_subscriptionevent" ("agreement_id", "digest_hour", "digest_weekday", "email", "from_escalation", "id", "is_active", "is_owner", "kinds", "min_severity", "party_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "quiet_from", "quiet_until", "refusal", "refused_at", "rhythm", "since", "tag", "timezone", "webhook_id") SELECT new_values."agreement_id", new_values."digest_hour", new_values."digest_weekday", new_values."email", new_values."from_escalation", new_values."id", new_values."is_active", new_values."is_owner", new_values."kinds", new_values."min_severity", new_values."party_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."quiet_from", new_values."quiet_until", new_values."refusal", new_values."refused_at", new_values."rhythm", new_values."since", new_values."tag", new_values."timezone", new_values."webhook_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='b955736914c54bdab3775d935704d7d9c1629330', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_28d9c', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_subscription', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscription',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_subscriptionevent" ("agreement_id", "digest_hour", "digest_weekday", "email", "from_escalation", "id", "is_active", "is_owner", "kinds", "min_severity", "party_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "quiet_from", "quiet_until", "refusal", "refused_at", "rhythm", "since", "tag", "timezone", "webhook_id") SELECT old_values."agreement_id", old_values."digest_hour", old_values."digest_weekday", old_values."email", old_values."from_escalation", old_values."id", old_values."is_active", old_values."is_owner", old_values."kinds", old_values."min_severity", old_values."party_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."quiet_from", old_values."quiet_until", old_values."refusal", old_values."refused_at", old_values."rhythm", old_values."since", old_values."tag", old_values."timezone", old_values."webhook_id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='45f0ae5e20827cf48f2fef08cbc709903185e16e', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_ca67b', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_subscription', when='AFTER')),
        ),
        AddConstraintNotValid(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['reminder', 'missed', 'escalated', 'unsilenced', 'recovered', 'changed'])), name='alert_kind_known'),
        ),
        AddConstraintNotValid(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['agreed', 'triggered', 'period_began', 'period_ended', 'window_began', 'due_passed', 'grace_ended', 'performed', 'performed_in_window', 'part_performed', 'target_restated', 'violated', 'cured', 'determined', 'component_done', 'extended', 'rescheduled', 'waived', 'suspended', 'resumed', 'cancelled', 'terminated', 'withdrawn'])), name='alert_reason_known'),
        ),
        AddConstraintNotValid(
            model_name='breach',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('acknowledged_as', ''), ('acknowledged_at__isnull', True), ('acknowledged_by__isnull', True), ('acknowledged_until__isnull', True)), models.Q(('acknowledged_at__isnull', False), ('acknowledged_until__isnull', False), models.Q(('acknowledged_as', ''), _negated=True)), _connector='OR'), name='breach_acknowledged_whole'),
        ),
        migrations.AddField(
            model_name='silence',
            name='agreement',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='silences', to='compliance.agreement'),
        ),
        migrations.AddField(
            model_name='silence',
            name='created_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silence',
            name='deadline',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='silences', to='compliance.deadline'),
        ),
        migrations.AddField(
            model_name='silenceevent',
            name='agreement',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.agreement'),
        ),
        migrations.AddField(
            model_name='silenceevent',
            name='created_by',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='silenceevent',
            name='deadline',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.deadline'),
        ),
        migrations.AddField(
            model_name='silenceevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='silenceevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.silence'),
        ),
        migrations.AddConstraint(
            model_name='webhook',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['standard', 'chat'])), name='webhook_kind_known'),
        ),
        migrations.AddField(
            model_name='message',
            name='webhook',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='compliance.webhook'),
        ),
        migrations.AddField(
            model_name='subscription',
            name='webhook',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='subscriptions', to='compliance.webhook'),
        ),
        migrations.AddField(
            model_name='subscriptionevent',
            name='webhook',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.webhook'),
        ),
        AddConstraintNotValid(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'sent', 'refused', 'given_up', 'withdrawn'])), name='message_state_known'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('min_severity__in', ['low', 'normal', 'high', 'critical'])), name='subscription_min_severity_known'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('rhythm__in', ['at_once', 'daily', 'weekly'])), name='subscription_rhythm_known'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('webhook__isnull', True), ('email', ''), _connector='XOR'), name='subscription_of_one_recipient'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(('digest_hour__lte', 23), ('digest_weekday__lte', 6)), name='subscription_hours'),
        ),
        migrations.AddConstraint(
            model_name='subscription',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_until__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False)), _connector='OR'), name='subscription_quiet_whole'),
        ),
        migrations.AddIndex(
            model_name='silence',
            index=models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['agreement'], name='silence_open'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silence',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_silenceevent" ("agreement_id", "created_at", "created_by_id", "deadline_id", "ended_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "until_at") SELECT new_values."agreement_id", new_values."created_at", new_values."created_by_id", new_values."deadline_id", new_values."ended_at", new_values."id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."reason", new_values."until_at" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='fdeca077baf28ed19873218816e03ac43a64a8cf', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_7db72', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_silence', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silence',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_silenceevent" ("agreement_id", "created_at", "created_by_id", "deadline_id", "ended_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "until_at") SELECT new_values."agreement_id", new_values."created_at", new_values."created_by_id", new_values."deadline_id", new_values."ended_at", new_values."id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."reason", new_values."until_at" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='9ddb71682695e40f5ebb2607077f9059af972730', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_8a1d0', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_silence', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silence',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_silenceevent" ("agreement_id", "created_at", "created_by_id", "deadline_id", "ended_at", "id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "reason", "until_at") SELECT old_values."agreement_id", old_values."created_at", old_values."created_by_id", old_values."deadline_id", old_values."ended_at", old_values."id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."reason", old_values."until_at" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='603e7cbad3100660d7adcee30f79c11ede9bdd89', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_751dc', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_silence', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silenceevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='acf809a2ecc17a7aa87f57d035a513f3d7a4f3dc', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_edb73', table='compliance_silenceevent', when='BEFORE')),
        ),
    ]
