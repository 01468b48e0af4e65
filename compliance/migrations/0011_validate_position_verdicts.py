"""Validate the constraint on the verdicts of positions that 0009 added."""

from __future__ import annotations

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """All rows are read. Meanwhile, others can read and write the table.

    In the transaction of 0009, nobody could: it holds an exclusive lock until it ends.
    """

    dependencies = [("compliance", "0010_rely_on_composite_keys")]

    operations = [ValidateConstraint(model_name="position", name="position_verdict_known")]
