"""Tokens that are restricted to teams or agreements."""

import django.contrib.postgres.fields
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compliance', '0014_row_security'),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='apitoken',
            name='insert_insert',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apitoken',
            name='update_update',
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='apitoken',
            name='delete_delete',
        ),
        migrations.AddField(
            model_name='apitoken',
            name='agreement_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Only these agreements exist for it. NULL: not restricted.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='apitoken',
            name='team_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Only agreements of these teams exist for it. NULL: not restricted.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='apitokenevent',
            name='agreement_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Only these agreements exist for it. NULL: not restricted.', null=True, size=None),
        ),
        migrations.AddField(
            model_name='apitokenevent',
            name='team_ids',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), help_text='Only agreements of these teams exist for it. NULL: not restricted.', null=True, size=None),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='insert_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("agreement_ids", "created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "team_ids", "user_id") SELECT new_values."agreement_ids", new_values."created_at", new_values."expires_at", new_values."former_until", new_values."id", new_values."is_read_only", new_values."name", new_values."networks", _pgh_attached_context.value, NOW(), \'insert\', new_values."id", new_values."revoked_at", new_values."rotated_at", new_values."team_ids", new_values."user_id" FROM ( SELECT new_values.* FROM new_values  ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='fb2ee804ffc9f2578c4c858d4bef6b41566f65ff', level='STATEMENT', operation='INSERT', pgid='pgtrigger_insert_insert_9a02c', referencing='REFERENCING NEW TABLE AS new_values ', table='compliance_apitoken', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='update_update', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("agreement_ids", "created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "team_ids", "user_id") SELECT new_values."agreement_ids", new_values."created_at", new_values."expires_at", new_values."former_until", new_values."id", new_values."is_read_only", new_values."name", new_values."networks", _pgh_attached_context.value, NOW(), \'update\', new_values."id", new_values."revoked_at", new_values."rotated_at", new_values."team_ids", new_values."user_id" FROM ( SELECT new_values.* FROM old_values JOIN new_values ON (old_values."id") = (new_values."id") WHERE (old_values."agreement_ids" IS DISTINCT FROM (new_values."agreement_ids") OR old_values."created_at" IS DISTINCT FROM (new_values."created_at") OR old_values."expires_at" IS DISTINCT FROM (new_values."expires_at") OR old_values."former_until" IS DISTINCT FROM (new_values."former_until") OR old_values."id" IS DISTINCT FROM (new_values."id") OR old_values."is_read_only" IS DISTINCT FROM (new_values."is_read_only") OR old_values."name" IS DISTINCT FROM (new_values."name") OR old_values."networks" IS DISTINCT FROM (new_values."networks") OR old_values."revoked_at" IS DISTINCT FROM (new_values."revoked_at") OR old_values."rotated_at" IS DISTINCT FROM (new_values."rotated_at") OR old_values."team_ids" IS DISTINCT FROM (new_values."team_ids") OR old_values."user_id" IS DISTINCT FROM (new_values."user_id")) ) AS new_values, _pgh_attached_context; RETURN NULL;', hash='21e19fc0ea34ade8ea689a81c15895eda7da2ff1', level='STATEMENT', operation='UPDATE', pgid='pgtrigger_update_update_b5095', referencing='REFERENCING OLD TABLE AS old_values  NEW TABLE AS new_values ', table='compliance_apitoken', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='apitoken',
            trigger=pgtrigger.compiler.Trigger(name='delete_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func='WITH _pgh_attached_context AS ( SELECT _pgh_attach_context() AS value ) INSERT INTO "compliance_apitokenevent" ("agreement_ids", "created_at", "expires_at", "former_until", "id", "is_read_only", "name", "networks", "pgh_context_id", "pgh_created_at", "pgh_label", "pgh_obj_id", "revoked_at", "rotated_at", "team_ids", "user_id") SELECT old_values."agreement_ids", old_values."created_at", old_values."expires_at", old_values."former_until", old_values."id", old_values."is_read_only", old_values."name", old_values."networks", _pgh_attached_context.value, NOW(), \'delete\', old_values."id", old_values."revoked_at", old_values."rotated_at", old_values."team_ids", old_values."user_id" FROM ( SELECT old_values.* FROM old_values  ) AS old_values, _pgh_attached_context; RETURN NULL;', hash='e8722aeafd475bd92feb0f751efa209c28e7cc81', level='STATEMENT', operation='DELETE', pgid='pgtrigger_delete_delete_747d3', referencing='REFERENCING OLD TABLE AS old_values ', table='compliance_apitoken', when='AFTER')),
        ),
    ]
