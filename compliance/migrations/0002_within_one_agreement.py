"""Composite keys: parties, components and deadlines stay within the agreement of an obligation.

Django cannot declare them; each refuses what no single foreign key would: an obligor who is no
party to the agreement, a component of another agreement's obligation, a deadline filed under an
agreement that its obligation is not in.
"""

from __future__ import annotations

from django.db import migrations

KEYS = (
    (
        "compliance_obligationparty",
        "obligationparty_is_party",
        "(agreement_id, party_id) REFERENCES compliance_agreementparty (agreement_id, party_id)",
    ),
    (
        "compliance_obligationparty",
        "obligationparty_same_agreement",
        "(agreement_id, obligation_id) REFERENCES compliance_obligation (agreement_id, id)",
    ),
    (
        "compliance_obligation",
        "obligation_parent_same_agreement",
        "(agreement_id, parent_id) REFERENCES compliance_obligation (agreement_id, id)",
    ),
    (
        "compliance_deadline",
        "deadline_same_agreement",
        "(agreement_id, obligation_id) REFERENCES compliance_obligation (agreement_id, id)",
    ),
)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {key} "
                "DEFERRABLE INITIALLY DEFERRED"
            ),
            reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
        )
        for table, name, key in KEYS
    ]
