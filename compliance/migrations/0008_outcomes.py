"""Outcomes: closed as unmet, postponed without a date, and replaced by a successor."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0007_announcement_of_history'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='alert',
            name='alert_reason_known',
        ),
        migrations.RemoveConstraint(
            model_name='breach',
            name='breach_end_reason_known',
        ),
        migrations.RemoveConstraint(
            model_name='deadline',
            name='deadline_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='fact',
            name='fact_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='fact',
            name='fact_sets_a_due_date',
        ),
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledgerentry_status_known',
        ),
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledgerentry_reason_known',
        ),
        migrations.RemoveConstraint(
            model_name='proposal',
            name='proposal_kind_known',
        ),
        migrations.AddField(
            model_name='deadline',
            name='is_closed',
            field=models.BooleanField(db_default=False, default=False, help_text='Nothing changes it any more.'),
        ),
        migrations.AddField(
            model_name='fact',
            name='is_final',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a determination closes a deadline that is unmet.'),
        ),
        migrations.AddField(
            model_name='fact',
            name='successor',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The obligation that takes the place of the replaced one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='replacements', to='compliance.obligation'),
        ),
        migrations.RunSQL(
            "UPDATE compliance_deadline SET is_closed = TRUE"
            " WHERE status IN ('met', 'met_late', 'waived', 'cancelled')",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='alert',
            name='reason',
            field=models.CharField(blank=True, choices=[('agreed', 'agreed'), ('triggered', 'triggered'), ('period_began', 'period began'), ('period_ended', 'period ended'), ('window_began', 'window began'), ('due_passed', 'due passed'), ('grace_ended', 'grace ended'), ('performed', 'performed'), ('performed_in_window', 'performed in window'), ('part_performed', 'part performed'), ('target_restated', 'target restated'), ('violated', 'violated'), ('cured', 'cured'), ('determined', 'determined'), ('determined_finally', 'determined finally'), ('component_done', 'component done'), ('extended', 'extended'), ('postponed', 'postponed'), ('rescheduled', 'rescheduled'), ('waived', 'waived'), ('suspended', 'suspended'), ('resumed', 'resumed'), ('replaced', 'replaced'), ('cancelled', 'cancelled'), ('terminated', 'terminated'), ('expired', 'expired'), ('withdrawn', 'withdrawn'), ('not_binding', 'not binding')], max_length=32, null=True),
        ),
        migrations.AlterField(
            model_name='breach',
            name='end_reason',
            field=models.CharField(blank=True, choices=[('performed', 'performed'), ('cured', 'cured'), ('extended', 'extended'), ('postponed', 'postponed'), ('rescheduled', 'rescheduled'), ('waived', 'waived'), ('suspended', 'suspended'), ('determined', 'determined'), ('replaced', 'replaced'), ('cancelled', 'cancelled'), ('terminated', 'terminated'), ('expired', 'expired'), ('withdrawn', 'withdrawn'), ('voided', 'voided')], max_length=32, null=True),
        ),
        migrations.AlterField(
            model_name='deadline',
            name='status',
            field=models.CharField(choices=[('dormant', 'dormant'), ('pending', 'pending'), ('holding', 'holding'), ('in_grace', 'in grace'), ('unmet', 'unmet'), ('partly_met', 'partly met'), ('met', 'met'), ('met_late', 'met late'), ('waived', 'waived'), ('suspended', 'suspended'), ('superseded', 'superseded'), ('cancelled', 'cancelled')], max_length=32),
        ),
        migrations.AlterField(
            model_name='fact',
            name='kind',
            field=models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('replacement', 'replacement'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32),
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='reason',
            field=models.CharField(choices=[('agreed', 'agreed'), ('triggered', 'triggered'), ('period_began', 'period began'), ('period_ended', 'period ended'), ('window_began', 'window began'), ('due_passed', 'due passed'), ('grace_ended', 'grace ended'), ('performed', 'performed'), ('performed_in_window', 'performed in window'), ('part_performed', 'part performed'), ('target_restated', 'target restated'), ('violated', 'violated'), ('cured', 'cured'), ('determined', 'determined'), ('determined_finally', 'determined finally'), ('component_done', 'component done'), ('extended', 'extended'), ('postponed', 'postponed'), ('rescheduled', 'rescheduled'), ('waived', 'waived'), ('suspended', 'suspended'), ('resumed', 'resumed'), ('replaced', 'replaced'), ('cancelled', 'cancelled'), ('terminated', 'terminated'), ('expired', 'expired'), ('withdrawn', 'withdrawn'), ('not_binding', 'not binding')], max_length=32),
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='status',
            field=models.CharField(choices=[('dormant', 'dormant'), ('pending', 'pending'), ('holding', 'holding'), ('in_grace', 'in grace'), ('unmet', 'unmet'), ('partly_met', 'partly met'), ('met', 'met'), ('met_late', 'met late'), ('waived', 'waived'), ('suspended', 'suspended'), ('superseded', 'superseded'), ('cancelled', 'cancelled')], max_length=32),
        ),
        migrations.AlterField(
            model_name='proposal',
            name='kind',
            field=models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('replacement', 'replacement'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32),
        ),
        migrations.AlterField(
            model_name='proposalevent',
            name='kind',
            field=models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('replacement', 'replacement'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32),
        ),
        migrations.AddIndex(
            model_name='fact',
            index=models.Index(condition=models.Q(('successor__isnull', False)), fields=['successor'], name='fact_of_successor'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['agreed', 'triggered', 'period_began', 'period_ended', 'window_began', 'due_passed', 'grace_ended', 'performed', 'performed_in_window', 'part_performed', 'target_restated', 'violated', 'cured', 'determined', 'determined_finally', 'component_done', 'extended', 'postponed', 'rescheduled', 'waived', 'suspended', 'resumed', 'replaced', 'cancelled', 'terminated', 'expired', 'withdrawn', 'not_binding'])), name='alert_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='breach',
            constraint=models.CheckConstraint(condition=models.Q(('end_reason__in', ['performed', 'cured', 'extended', 'postponed', 'rescheduled', 'waived', 'suspended', 'determined', 'replaced', 'cancelled', 'terminated', 'expired', 'withdrawn', 'voided'])), name='breach_end_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='deadline',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['dormant', 'pending', 'holding', 'in_grace', 'unmet', 'partly_met', 'met', 'met_late', 'waived', 'suspended', 'superseded', 'cancelled'])), name='deadline_status_known'),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['performance', 'violation', 'extension', 'restatement', 'determination', 'waiver', 'suspension', 'replacement', 'cancellation', 'termination', 'trigger', 'retraction'])), name='fact_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('is_final', False), ('verdict__in', ['partly_met', 'not_met']), _connector='OR'), name='fact_final_determination'),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'replacement'), ('successor__isnull', False)), models.Q(models.Q(('kind', 'replacement'), _negated=True), ('successor__isnull', True)), _connector='OR'), name='fact_replacement_has_successor'),
        ),
        migrations.AddConstraint(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('due__isnull', False), ('due_at__isnull', False), ('due_on__isnull', False), ('kind', 'extension'), ('unmet_at__gte', models.F('due_at'))), models.Q(('due__isnull', True), ('due_at__isnull', False), ('due_on__isnull', False), ('kind', 'trigger'), ('unmet_at__gte', models.F('due_at'))), models.Q(models.Q(('kind', 'trigger'), _negated=True), ('due__isnull', True), ('due_at__isnull', True), ('due_on__isnull', True), ('unmet_at__isnull', True)), _connector='OR'), name='fact_sets_a_due_date'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['dormant', 'pending', 'holding', 'in_grace', 'unmet', 'partly_met', 'met', 'met_late', 'waived', 'suspended', 'superseded', 'cancelled'])), name='ledgerentry_status_known'),
        ),
        migrations.AddConstraint(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['agreed', 'triggered', 'period_began', 'period_ended', 'window_began', 'due_passed', 'grace_ended', 'performed', 'performed_in_window', 'part_performed', 'target_restated', 'violated', 'cured', 'determined', 'determined_finally', 'component_done', 'extended', 'postponed', 'rescheduled', 'waived', 'suspended', 'resumed', 'replaced', 'cancelled', 'terminated', 'expired', 'withdrawn', 'not_binding'])), name='ledgerentry_reason_known'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['performance', 'violation', 'extension', 'restatement', 'determination', 'waiver', 'suspension', 'replacement', 'cancellation', 'termination', 'trigger', 'retraction'])), name='proposal_kind_known'),
        ),
    ]
