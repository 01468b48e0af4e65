"""Users who may approve a proposal are notified of it, and of what it would change."""

from __future__ import annotations

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0013_long_titles'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProposalNotification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('next_attempt_at', models.DateTimeField(help_text='Empty once it was sent, refused or withdrawn.', null=True)),
                ('attempt_count', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('sent_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='proposal',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='proposal',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='proposal',
            name='delete_delete',
        ),
        migrations.AddField(
            model_name='proposal',
            name='effect',
            field=models.TextField(blank=True, db_default='', default='', help_text='What the fact would have changed when it was proposed.'),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='effect',
            field=models.TextField(blank=True, db_default='', default='', help_text='What the fact would have changed when it was proposed.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "effect", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT new_values."deadline_id", new_values."decided_at", new_values."decided_by_id", new_values."draft", new_values."effect", new_values."fact_id", new_values."id", new_values."kind", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."state" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='341b31952ca728a97895a527c4a961a6d2735413', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_4d6a3', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_proposal', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "effect", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT new_values."deadline_id", new_values."decided_at", new_values."decided_by_id", new_values."draft", new_values."effect", new_values."fact_id", new_values."id", new_values."kind", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."state" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='ae0a3a2b4e701eb2779076ba2eaa3f491cf3a6a4', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_c1bc9', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_proposal', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "effect", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT old_values."deadline_id", old_values."decided_at", old_values."decided_by_id", old_values."draft", old_values."effect", old_values."fact_id", old_values."id", old_values."kind", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."proposed_at", old_values."proposed_by_id", old_values."reason", old_values."state" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='185be35da3466c98870ca4d95eb9735325f0ea00', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_65a1a', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_proposal', when='AFTER')),
        ),
        migrations.AddField(
            model_name='proposalnotification',
            name='proposal',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='notifications', to='compliance.proposal'),
        ),
        migrations.AddField(
            model_name='proposalnotification',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='proposalnotification',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='proposalnotification_waiting'),
        ),
        migrations.AddConstraint(
            model_name='proposalnotification',
            constraint=models.UniqueConstraint(fields=('proposal', 'user'), name='proposalnotification_once'),
        ),
    ]
