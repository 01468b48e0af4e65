"""Look whether the constraints of 0003 hold for the rows that were there before."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations

CONSTRAINTS = (
    ("breach", "breach_end_reason_known"),
    ("deadline", "deadline_status_known"),
    ("deadline", "deadline_due_whole"),
    ("fact", "fact_kind_known"),
    ("fact", "fact_of_a_deadline_or_an_agreement"),
    ("fact", "fact_termination_of_an_agreement"),
    ("fact", "fact_sets_a_due_date"),
    ("fact", "fact_lasts_until_later"),
    ("fact", "fact_only_suspensions_toll"),
    ("fact", "fact_restatement_has_quantity"),
    ("fact", "fact_counts_something"),
    ("ledgerentry", "ledgerentry_status_known"),
    ("ledgerentry", "ledgerentry_reason_known"),
    ("obligation", "obligation_kind_known"),
    ("obligation", "obligation_starts_of_a_period"),
)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_due_order")]

    operations = [ValidateConstraint(model_name=model, name=name) for model, name in CONSTRAINTS]
