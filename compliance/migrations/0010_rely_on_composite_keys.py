"""Drop foreign keys that a composite key of the same table already implies.

Each key is checked for each new row, and again whenever a row that the same transaction created is
changed. An obligation in an agreement that exists is in the composite keys of its parties,
components and deadlines; a party to that agreement is in the other key of the parties.
"""

from __future__ import annotations

from django.db import migrations
from django.db.models import CASCADE, PROTECT, ForeignKey

_FIELDS = (
    (
        "deadline",
        "agreement",
        ForeignKey(
            "compliance.agreement", PROTECT, related_name="deadlines", db_index=False,
            db_constraint=False,
        ),
    ),
    (
        "deadline",
        "obligation",
        ForeignKey(
            "compliance.obligation", PROTECT, related_name="deadlines", db_index=False,
            db_constraint=False,
        ),
    ),
    (
        "obligation",
        "parent",
        ForeignKey(
            "compliance.obligation", PROTECT, related_name="components", blank=True, null=True,
            db_constraint=False,
        ),
    ),
    # Two unique keys begin with it.
    (
        "obligation",
        "agreement",
        ForeignKey("compliance.agreement", CASCADE, related_name="obligations", db_index=False),
    ),
    (
        "obligationparty",
        "agreement",
        ForeignKey(
            "compliance.agreement", CASCADE, related_name="+", db_index=False, db_constraint=False
        ),
    ),
    (
        "obligationparty",
        "obligation",
        ForeignKey(
            "compliance.obligation", CASCADE, related_name="sides", db_index=False,
            db_constraint=False,
        ),
    ),
    (
        "obligationparty",
        "party",
        ForeignKey(
            "compliance.party", PROTECT, related_name="sides", db_index=False, db_constraint=False
        ),
    ),
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("compliance", "0009_undetermined_positions")]

    operations = [migrations.AlterField(model, name, field) for model, name, field in _FIELDS]
