"""What was known when: determinations, proposals, files, roll-ups, chains of hashes, seals.

Constraints on tables that may be large are added without a look at the rows that are there:
that follows, without a lock, in 0008.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0006_longer_calendar_names'),
        ('pghistory', '0007_auto_20250421_0444'),
    ]

    operations = [
        migrations.CreateModel(
            name='AgreementChain',
            fields=[
                ('agreement', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='chain', serialize=False, to='compliance.agreement')),
                ('facts_head', models.BinaryField(max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name='EvidenceFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('content_type', models.CharField(max_length=100)),
                ('size', models.PositiveBigIntegerField()),
                ('sha256', models.CharField(max_length=64)),
                ('recorded_at', models.DateTimeField()),
            ],
            options={
                'ordering': ('id',),
            },
        ),
        migrations.CreateModel(
            name='LedgerCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField()),
                ('deadlines', models.PositiveBigIntegerField()),
                ('facts', models.PositiveBigIntegerField()),
                ('entries', models.PositiveBigIntegerField()),
                ('problems', models.JSONField(blank=True, default=list)),
            ],
            options={
                'ordering': ('-id',),
            },
        ),
        migrations.CreateModel(
            name='Proposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32)),
                ('draft', models.JSONField(help_text='The fact, in the shape in which the API takes facts.')),
                ('state', models.CharField(choices=[('open', 'open'), ('approved', 'approved'), ('rejected', 'rejected'), ('withdrawn', 'withdrawn')], default='open', max_length=32)),
                ('proposed_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.TextField(blank=True, default='', help_text='Why it was rejected.')),
            ],
            options={
                'ordering': ('-id',),
                'permissions': (('approve_proposal', 'Can approve what another person proposed'),),
            },
        ),
        migrations.CreateModel(
            name='ProposalEvent',
            fields=[
                ('pgh_id', models.AutoField(primary_key=True, serialize=False)),
                ('pgh_created_at', models.DateTimeField(auto_now_add=True)),
                ('pgh_label', models.TextField(help_text='The event label.')),
                ('id', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32)),
                ('draft', models.JSONField(help_text='The fact, in the shape in which the API takes facts.')),
                ('state', models.CharField(choices=[('open', 'open'), ('approved', 'approved'), ('rejected', 'rejected'), ('withdrawn', 'withdrawn')], default='open', max_length=32)),
                ('proposed_at', models.DateTimeField()),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('reason', models.TextField(blank=True, default='', help_text='Why it was rejected.')),
            ],
            options={
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed_at', models.DateTimeField()),
                ('last_fact_id', models.BigIntegerField(help_text='Facts up to this one are sealed.')),
                ('last_entry_id', models.BigIntegerField(help_text='Ledger entries up to this one are sealed.')),
                ('chains', models.PositiveBigIntegerField(help_text='How many chains had anything in them.')),
                ('root', models.BinaryField(max_length=32)),
                ('hash', models.BinaryField(help_text='Over this seal and the hash of the one before.', max_length=32)),
                ('mailed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ('-id',),
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
        migrations.RemoveConstraint(
            model_name='evidence',
            name='evidence_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='fact',
            name='fact_kind_known',
        ),
        migrations.RemoveConstraint(
            model_name='fact',
            name='fact_counts_something',
        ),
        migrations.RemoveConstraint(
            model_name='ledgerentry',
            name='ledgerentry_reason_known',
        ),
        migrations.AddField(
            model_name='agreement',
            name='is_four_eyes',
            field=models.BooleanField(db_default=False, default=False, help_text='Determinations, waivers and extensions count when another person approves.', verbose_name='needs a second person'),
        ),
        migrations.AddField(
            model_name='agreementevent',
            name='is_four_eyes',
            field=models.BooleanField(db_default=False, default=False, help_text='Determinations, waivers and extensions count when another person approves.', verbose_name='needs a second person'),
        ),
        migrations.AddField(
            model_name='deadline',
            name='facts_head',
            field=models.BinaryField(help_text='The hash of the newest fact in its chain.', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='deadline',
            name='ledger_head',
            field=models.BinaryField(help_text='The hash of the newest ledger entry in its chain.', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='evidence',
            name='deadlines',
            field=models.ManyToManyField(blank=True, related_name='evidence', to='compliance.deadline'),
        ),
        migrations.AddField(
            model_name='evidence',
            name='stored_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AddField(
            model_name='fact',
            name='approved_by',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The second person, where one was needed.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='fact',
            name='hash',
            field=models.BinaryField(help_text='Over this fact and the hash of the one before.', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='fact',
            name='share',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='How much of the whole a determination accepts.', max_digits=7, null=True),
        ),
        migrations.AddField(
            model_name='fact',
            name='verdict',
            field=models.CharField(blank=True, choices=[('met', 'met'), ('partly_met', 'partly met'), ('not_met', 'not met'), ('undetermined', 'undetermined')], max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='first_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='hash',
            field=models.BinaryField(help_text='Over this entry and the hash of the one before.', max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='performed',
            field=models.DecimalField(decimal_places=6, max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name='ledgerentry',
            name='target',
            field=models.DecimalField(decimal_places=6, max_digits=20, null=True),
        ),
        migrations.AddField(
            model_name='obligation',
            name='roll_up',
            field=models.CharField(choices=[('all', 'all'), ('any', 'any'), ('share', 'share')], db_default='all', default='all', max_length=32),
        ),
        migrations.AddField(
            model_name='obligation',
            name='roll_up_share',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='The share of its components that must be done.', max_digits=7, null=True),
        ),
        migrations.AddField(
            model_name='obligationevent',
            name='roll_up',
            field=models.CharField(choices=[('all', 'all'), ('any', 'any'), ('share', 'share')], db_default='all', default='all', max_length=32),
        ),
        migrations.AddField(
            model_name='obligationevent',
            name='roll_up_share',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='The share of its components that must be done.', max_digits=7, null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='stored_at',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
        ),
        migrations.AlterField(
            model_name='evidence',
            name='kind',
            field=models.CharField(choices=[('document', 'document'), ('statement', 'statement'), ('look', 'look')], max_length=32),
        ),
        migrations.AlterField(
            model_name='fact',
            name='kind',
            field=models.CharField(choices=[('performance', 'performance'), ('violation', 'violation'), ('extension', 'extension'), ('restatement', 'restatement'), ('determination', 'determination'), ('waiver', 'waiver'), ('suspension', 'suspension'), ('cancellation', 'cancellation'), ('termination', 'termination'), ('trigger', 'trigger'), ('retraction', 'retraction')], max_length=32),
        ),
        migrations.AlterField(
            model_name='ledgerentry',
            name='reason',
            field=models.CharField(choices=[('agreed', 'agreed'), ('triggered', 'triggered'), ('period_began', 'period began'), ('period_ended', 'period ended'), ('window_began', 'window began'), ('due_passed', 'due passed'), ('grace_ended', 'grace ended'), ('performed', 'performed'), ('performed_in_window', 'performed in window'), ('part_performed', 'part performed'), ('target_restated', 'target restated'), ('violated', 'violated'), ('cured', 'cured'), ('determined', 'determined'), ('component_done', 'component done'), ('extended', 'extended'), ('rescheduled', 'rescheduled'), ('waived', 'waived'), ('suspended', 'suspended'), ('resumed', 'resumed'), ('cancelled', 'cancelled'), ('terminated', 'terminated'), ('withdrawn', 'withdrawn')], max_length=32),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT new_values."calendars", new_values."created_at", new_values."ends_on", new_values."id", new_values."in_force_on", new_values."is_four_eyes", new_values."kind", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."signed_on", new_values."timezone", new_values."title" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='7ca19b7c24bde4caef4131c74e0f3f39b1c8de77', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_07249', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT new_values."calendars", new_values."created_at", new_values."ends_on", new_values."id", new_values."in_force_on", new_values."is_four_eyes", new_values."kind", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."signed_on", new_values."timezone", new_values."title" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='50e8ec640eead9b7f0d3ff2d62f02ba4789262ed', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b4ef8', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreement',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_agreementevent" ("calendars", "created_at", "ends_on", "id", "in_force_on", "is_four_eyes", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "signed_on", "timezone", "title") SELECT old_values."calendars", old_values."created_at", old_values."ends_on", old_values."id", old_values."in_force_on", old_values."is_four_eyes", old_values."kind", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."signed_on", old_values."timezone", old_values."title" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='1b810ca3dfbe5c0b5ad909062767830482ffb71a', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_26ba9', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_agreement', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."ref", new_values."roll_up", new_values."roll_up_share", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='a5492111c9c220abc22c3add71e6e22a7ffea6a1', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_d295b', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_obligation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT new_values."agreement_id", new_values."clause", new_values."due", new_values."grace", new_values."id", new_values."is_surviving", new_values."kind", new_values."owner", new_values."parent_id", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."ref", new_values."roll_up", new_values."roll_up_share", new_values."severity", new_values."starts", new_values."tags", new_values."target_quantity", new_values."text", new_values."title", new_values."unit" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='540f47630664bf023ddb92c207945e3dc31464d9', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_53828', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_obligation', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligation',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_obligationevent" ("agreement_id", "clause", "due", "grace", "id", "is_surviving", "kind", "owner", "parent_id", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "ref", "roll_up", "roll_up_share", "severity", "starts", "tags", "target_quantity", "text", "title", "unit") SELECT old_values."agreement_id", old_values."clause", old_values."due", old_values."grace", old_values."id", old_values."is_surviving", old_values."kind", old_values."owner", old_values."parent_id", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."ref", old_values."roll_up", old_values."roll_up_share", old_values."severity", old_values."starts", old_values."tags", old_values."target_quantity", old_values."text", old_values."title", old_values."unit" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='0aef2beb456b589a05fecb47e7a8b5089fe7acd9', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_ec4eb', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_obligation', when='AFTER')),
        ),
        AddConstraintNotValid(
            model_name='evidence',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['document', 'statement', 'look'])), name='evidence_kind_known'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['performance', 'violation', 'extension', 'restatement', 'determination', 'waiver', 'suspension', 'cancellation', 'termination', 'trigger', 'retraction'])), name='fact_kind_known'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('verdict__in', ['met', 'partly_met', 'not_met', 'undetermined'])), name='fact_verdict_known'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'determination'), ('verdict__isnull', False)), models.Q(models.Q(('kind', 'determination'), _negated=True), ('share__isnull', True), ('verdict__isnull', True)), _connector='OR'), name='fact_determination_has_verdict'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('share__isnull', True), models.Q(('quantity__isnull', True), ('share__gt', 0), ('share__lt', 1), ('verdict', 'partly_met')), _connector='OR'), name='fact_share_of_the_whole'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('approved_by__isnull', True), ('recorded_by__isnull', True), models.Q(('approved_by', models.F('recorded_by')), _negated=True), _connector='OR'), name='fact_approved_by_another'),
        ),
        AddConstraintNotValid(
            model_name='fact',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__isnull', True), models.Q(('kind__in', ['performance', 'restatement', 'determination']), ('quantity__gt', 0)), _connector='OR'), name='fact_counts_something'),
        ),
        AddConstraintNotValid(
            model_name='ledgerentry',
            constraint=models.CheckConstraint(condition=models.Q(('reason__in', ['agreed', 'triggered', 'period_began', 'period_ended', 'window_began', 'due_passed', 'grace_ended', 'performed', 'performed_in_window', 'part_performed', 'target_restated', 'violated', 'cured', 'determined', 'component_done', 'extended', 'rescheduled', 'waived', 'suspended', 'resumed', 'cancelled', 'terminated', 'withdrawn'])), name='ledgerentry_reason_known'),
        ),
        AddConstraintNotValid(
            model_name='obligation',
            constraint=models.CheckConstraint(condition=models.Q(('roll_up__in', ['all', 'any', 'share'])), name='obligation_roll_up_known'),
        ),
        AddConstraintNotValid(
            model_name='obligation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('roll_up', 'share'), ('roll_up_share__gt', 0), ('roll_up_share__lte', 1)), models.Q(models.Q(('roll_up', 'share'), _negated=True), ('roll_up_share__isnull', True)), _connector='OR'), name='obligation_roll_up_share'),
        ),
        migrations.AddField(
            model_name='evidencefile',
            name='evidence',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='files', to='compliance.evidence'),
        ),
        migrations.AddField(
            model_name='evidencefile',
            name='recorded_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgercheck',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c21d1249bb36d9844a3d9e661e6f734181499d98', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_3e30a', table='compliance_ledgercheck', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='proposal',
            name='deadline',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='proposals', to='compliance.deadline'),
        ),
        migrations.AddField(
            model_name='proposal',
            name='decided_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposal',
            name='fact',
            field=models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='proposal', to='compliance.fact'),
        ),
        migrations.AddField(
            model_name='proposal',
            name='proposed_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='deadline',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.deadline'),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='decided_by',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='fact',
            field=models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to='compliance.fact'),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='pgh_context',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='pghistory.context'),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='pgh_obj',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='events', to='compliance.proposal'),
        ),
        migrations.AddField(
            model_name='proposalevent',
            name='proposed_by',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', related_query_name='+', to=settings.AUTH_USER_MODEL),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seal',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='3c2d887177beb249ab834b313a765f1ddb360e5d', operation='DELETE', pgid='pgtrigger_append_only_b21b8', table='compliance_seal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seal',
            trigger=pgtrigger.compiler.Trigger(name='read_only', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."sealed_at" IS DISTINCT FROM (NEW."sealed_at") OR OLD."last_fact_id" IS DISTINCT FROM (NEW."last_fact_id") OR OLD."last_entry_id" IS DISTINCT FROM (NEW."last_entry_id") OR OLD."chains" IS DISTINCT FROM (NEW."chains") OR OLD."root" IS DISTINCT FROM (NEW."root") OR OLD."hash" IS DISTINCT FROM (NEW."hash"))', func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;", hash='3f1113742f3439817b60d38d60998c9e90461ce0', operation='UPDATE', pgid='pgtrigger_read_only_9e2e9', table='compliance_seal', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='evidencefile',
            constraint=models.UniqueConstraint(fields=('evidence', 'revision'), name='evidencefile_once'),
        ),
        migrations.AddConstraint(
            model_name='evidencefile',
            constraint=models.CheckConstraint(condition=models.Q(('sha256__regex', '^[0-9a-f]{64}$')), name='evidencefile_sha256_form'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='evidencefile',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3781cdc5b688f16c5cb53b32138445daf9a24f7b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_b7b2c', table='compliance_evidencefile', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['performance', 'violation', 'extension', 'restatement', 'determination', 'waiver', 'suspension', 'cancellation', 'termination', 'trigger', 'retraction'])), name='proposal_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'approved', 'rejected', 'withdrawn'])), name='proposal_state_known'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='proposal_approved_by_another'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('fact__isnull', False), ('state', 'approved')), models.Q(models.Q(('state', 'approved'), _negated=True), ('fact__isnull', True)), _connector='OR'), name='proposal_approved_is_a_fact'),
        ),
        migrations.AddConstraint(
            model_name='proposal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('decided_by__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('decided_at__isnull', False), ('decided_by__isnull', False)), _connector='OR'), name='proposal_decided_by_someone'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT new_values."deadline_id", new_values."decided_at", new_values."decided_by_id", new_values."draft", new_values."fact_id", new_values."id", new_values."kind", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."state" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='58bce138d770520a34af81760ac6df0ddd1dcc90', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_4d6a3', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_proposal', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT new_values."deadline_id", new_values."decided_at", new_values."decided_by_id", new_values."draft", new_values."fact_id", new_values."id", new_values."kind", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."proposed_at", new_values."proposed_by_id", new_values."reason", new_values."state" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values.* IS DISTINCT FROM new_values.*) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='e2fb2899a4ee13ea8c143f9b70415ae04d3413f6', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_c1bc9', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_proposal', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposal',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_proposalevent" ("deadline_id", "decided_at", "decided_by_id", "draft", "fact_id", "id", "kind", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "proposed_at", "proposed_by_id", "reason", "state") SELECT old_values."deadline_id", old_values."decided_at", old_values."decided_by_id", old_values."draft", old_values."fact_id", old_values."id", old_values."kind", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."proposed_at", old_values."proposed_by_id", old_values."reason", old_values."state" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='cc53908a9080befe6932dec99ce243c5fb87a51c', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_65a1a', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_proposal', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposalevent',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='89de43c51c0e2fd6c2e2deb46c7903b3d7474b32', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_38ed6', table='compliance_proposalevent', when='BEFORE')),
        ),
    ]
