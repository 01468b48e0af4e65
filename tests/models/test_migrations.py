"""Migrations lock tables in use only for a moment."""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db.migrations.loader import MigrationLoader


def test_no_migration_validates_a_constraint_while_it_holds_the_lock_to_add_it() -> None:
    found = MigrationLoader(None).disk_migrations.values()
    added, validated = (
        {
            (each.app_label, each.name)
            for each in found
            if each.atomic and any(isinstance(one, kind) for one in each.operations)
        }
        for kind in (AddConstraintNotValid, ValidateConstraint)
    )
    assert added
    assert validated
    assert not added & validated
