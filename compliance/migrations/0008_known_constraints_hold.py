"""Look whether the constraints of 0007 hold for the rows that were there before."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

CONSTRAINTS = (
    ("evidence", "evidence_kind_known"),
    ("fact", "fact_kind_known"),
    ("fact", "fact_verdict_known"),
    ("fact", "fact_determination_has_verdict"),
    ("fact", "fact_share_of_the_whole"),
    ("fact", "fact_approved_by_another"),
    ("fact", "fact_counts_something"),
    ("ledgerentry", "ledgerentry_reason_known"),
    ("obligation", "obligation_roll_up_known"),
    ("obligation", "obligation_roll_up_share"),
)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0007_record_of_what_was_known")]

    operations = [ValidateConstraint(model_name=model, name=name) for model, name in CONSTRAINTS]
