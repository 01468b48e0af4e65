"""Sign seals, so that nobody who can only write to the database can add one.

Existing seals are signed with the present key.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.utils.crypto import salted_hmac
from pgtrigger.compiler import Trigger, UpsertTriggerSql
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from compliance.migrations._triggers import any_change

_FIXED = (
    "id", "sealed_at", "last_fact_id", "last_entry_id", "chains", "root", "hash",
    "last_tombstone_id", "tombstone_hash", "signature",
)  # fmt: skip


def _sign(apps: Any, schema_editor: Any) -> None:
    for seal in apps.get_model("compliance", "Seal").objects.iterator(chunk_size=1_000):
        signature = salted_hmac("compliance.seal", bytes(seal.hash), algorithm="sha256")
        seal.signature = signature.digest()
        seal.save(update_fields=["signature"])


class Migration(migrations.Migration):
    dependencies = [("compliance", "0007_row_security")]

    operations = [
        RemoveTrigger(model_name="seal", name="read_only"),
        migrations.AddField(
            model_name="seal",
            name="signature",
            field=models.BinaryField(
                default=b"",
                help_text="Signs the hash with a key that is not in the database.",
                max_length=32,
            ),
            preserve_default=False,
        ),
        migrations.RunPython(_sign, migrations.RunPython.noop),
        AddTrigger(
            model_name="seal",
            trigger=Trigger(
                name="read_only",
                sql=UpsertTriggerSql(
                    condition=any_change("OLD", "NEW", _FIXED),
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', "
                    "TG_TABLE_NAME;",
                    hash="42a5eced825be1d7d15c2cc8db390d25fdc91691",
                    operation="UPDATE",
                    pgid="pgtrigger_read_only_9e2e9",
                    table="compliance_seal",
                    when="BEFORE",
                ),
            ),
        ),
    ]
