"""Append-only tables reject TRUNCATE as well, for it fires no trigger for DELETE."""

from __future__ import annotations

from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from pghistory.models import Context, Event

from compliance.models import DeliveryAttempt, Fact, LedgerEntry, Seal, Tombstone
from tests.samples import create_agreement

pytestmark = pytest.mark.django_db


def append_only_models() -> set[Any]:
    """Return the models with a trigger that keeps rows from being deleted."""
    return {
        model
        for model in apps.get_models(include_auto_created=True)
        for trigger in getattr(model._meta, "triggers", ())
        if trigger.name.startswith("append_only")
        or (isinstance(trigger, pgtrigger.Protect) and "DELETE" in str(trigger.operation))
    }


def test_every_append_only_table_rejects_truncate() -> None:
    create_agreement()
    models = append_only_models()
    assert {Fact, LedgerEntry, Seal, Tombstone} < models
    assert {each for each in apps.get_models() if issubclass(each, Event)} - models <= {
        each for each in apps.get_models() if not each._meta.managed or each._meta.proxy
    }
    accepted = [
        model.__name__
        for model in models | {Context, DeliveryAttempt}
        if not _is_refused(f'TRUNCATE "{model._meta.db_table}" CASCADE')
    ]
    assert accepted == [], "add never_truncated() to the triggers of these models"


def test_truncating_an_agreement_does_not_empty_its_append_only_tables() -> None:
    create_agreement()
    assert _is_refused("TRUNCATE compliance_agreement CASCADE")
    assert LedgerEntry.objects.exists()


def _is_refused(statement: str) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # TRUNCATE is refused anyway while foreign keys of the test's rows are unchecked.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statement)
            transaction.set_rollback(True)
    except DatabaseError as error:
        return "Cannot truncate" in str(error)
    return False
