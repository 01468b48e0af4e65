"""TRUNCATE fires no trigger for DELETE: append-only tables reject it with triggers of their own."""

from __future__ import annotations

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

# The contexts of the change history belong to another app, so that no model can declare this.
_CONTEXTS = """
CREATE OR REPLACE FUNCTION compliance_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF _pgtrigger_should_ignore(TG_NAME) THEN RETURN NULL; END IF;
    RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;
END;
$$;
CREATE OR REPLACE TRIGGER compliance_no_truncate BEFORE TRUNCATE ON pghistory_context
    FOR EACH STATEMENT EXECUTE FUNCTION compliance_no_truncate();
"""
_NO_CONTEXTS = """
DROP TRIGGER compliance_no_truncate ON pghistory_context;
DROP FUNCTION compliance_no_truncate();
"""


class Migration(migrations.Migration):
    # A transaction would lock all tables until it ends. Each statement may be repeated.
    atomic = False

    dependencies = [("compliance", "0003_search")]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name='agreementevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='19a5091481225948856571b02bd9dc3b3907e02a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_cef20', table='compliance_agreementevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='agreementpartyevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='020ca897b101acafa377cb1e12958f2037662a14', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_865a0', table='compliance_agreementpartyevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='calendarfeedevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='fac5e76915521b93d08dee6973d9cb37bef23cf9', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_580f8', table='compliance_calendarfeedevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closingdayevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='bccaeea58011d2ba625dff444d60ef895a9ee24c', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_b1de2', table='compliance_closingdayevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='correction',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='a0be5eece7266e87ce8bf4f87b197991275b37c8', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_43155', table='compliance_correction', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customcalendarevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='3b4ee349f305e58c000d6f393c7be09b7a652f7f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_54377', table='compliance_customcalendarevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='deliveryattempt',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='264107c585cf0476f6e0f44147a24b5177aeb5c6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9fa20', table='compliance_deliveryattempt', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='evidence',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='71229299ef767a6f3610806d8afea11f47981be3', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_3ca01', table='compliance_evidence', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='evidencefile',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='37af5830ee9a6ea9ec09d59619d0f00ec0d28871', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9d45a', table='compliance_evidencefile', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='fact',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='bc81dd970922dfea56385e0266c74bfd2959aff4', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_269e3', table='compliance_fact', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='jobrun',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='2da478daa5cf0ccc9a695517e45c26999c6a0034', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_303d3', table='compliance_jobrun', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='ledgerentry',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='5767ff925974ee02eb7f1347c0d3dff243b4ad1f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_fbbe2', table='compliance_ledgerentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='milestonedating',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='3fa9e7dc6aba0601d9c22000ae44911496bd67bc', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_9b85e', table='compliance_milestonedating', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='milestoneevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='aa3e2399c8b47f7cdcacd5d727051ce29c7ceb59', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_8ec5f', table='compliance_milestoneevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligationevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='8936c7bff203120fdcc1f89c35ccb0192b203fa6', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_29e2e', table='compliance_obligationevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='obligationpartyevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='9c924518c3975772f381a02c00f39add256af43f', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_e143b', table='compliance_obligationpartyevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='partyevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='709763414c90abc19bcef873eec0e619e7786b8d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_eed25', table='compliance_partyevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='position',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='db5860175101e7fc3a67bf706c4159660970fd99', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_130d8', table='compliance_position', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='proposalevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='9bb96a92e95766d028b288d84018644700d169bb', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_aafa3', table='compliance_proposalevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='removedrows',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='ad632e3ecf3360a69b66111507022b9e6df61d8e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_06294', table='compliance_removedrows', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='seal',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='aea524f3041e18487d51b836f293af2d14704e19', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_dc0a4', table='compliance_seal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='silenceevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='848f641612e9df6cb0f0b938e41981ee11a8cf39', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_ca320', table='compliance_silenceevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='subscriptionevent',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='ff7fa4b8a9d4edf620bfca0dfbde964c2f9121d2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_f2e0c', table='compliance_subscriptionevent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tombstone',
            trigger=pgtrigger.compiler.Trigger(name='no_truncate', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;", hash='09e8c2bddc071b0e65e17a65fc1db28ece75f5b2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_no_truncate_94e9f', table='compliance_tombstone', when='BEFORE')),
        ),
        migrations.RunSQL(_CONTEXTS, _NO_CONTEXTS),
    ]
