"""Composite keys and storage settings that Django cannot declare.

Each key rejects what a single foreign key would accept: an obligor that is not a party to the
agreement, a component or deadline in another agreement than its obligation, and an alert filed
under another agreement than its deadline.
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
    (
        "compliance_alert",
        "alert_same_agreement",
        "(agreement_id, deadline_id) REFERENCES compliance_deadline (agreement_id, id)",
    ),
)

# Every alert is written twice: when it is created, and when it is put into a message. Half-empty
# pages leave room for the second write, which would otherwise split every page.
HALF_FILLED = ("alert_once", "compliance_alert_pkey")


class Migration(migrations.Migration):
    dependencies = [("compliance", "0001_initial")]

    operations = [
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {key} "
                "DEFERRABLE INITIALLY DEFERRED",
                f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            )
            for table, name, key in KEYS
        ),
        *(
            migrations.RunSQL(
                f"ALTER INDEX {index} SET (fillfactor = 50)",
                f"ALTER INDEX {index} RESET (fillfactor)",
            )
            for index in HALF_FILLED
        ),
    ]
