"""A statement at which the database works while we go on."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg.pq import TransactionStatus

from compliance.models import Party
from compliance.models.bulk import fetch, under_way

RENAME = """
    UPDATE compliance_party AS p SET name = it.name
    FROM json_to_record($1) AS it(code text, name text) WHERE p.code = it.code
"""


@pytest.fixture
def china(transactional_db: None) -> Party:
    return Party.objects.create(code="CHN", name="China", kind="state", timezone="UTC")


def test_it_is_committed_after_the_block_however_often(china: Party) -> None:
    for name in ("one", "two", "it's «three»"):
        with under_way(RENAME, code="CHN", name=name):
            pass
        assert connection.connection.info.transaction_status == TransactionStatus.IDLE
        assert Party.objects.get().name == name


def test_it_belongs_to_the_transaction_that_it_is_in(china: Party) -> None:
    with under_way(RENAME, code="CHN", name="China"):
        pass
    with transaction.atomic():
        with under_way(RENAME, code="CHN", name="undone"):
            pass
        transaction.set_rollback(True)
    assert Party.objects.get().name == "China"


def test_what_fails_is_raised_after_the_block_and_leaves_the_connection_fit(china: Party) -> None:
    is_reached = False
    with pytest.raises(IntegrityError), under_way(RENAME, code="CHN", name=None):
        is_reached = True
    assert is_reached
    with under_way(RENAME, code="CHN", name="renamed"):
        pass
    assert Party.objects.get().name == "renamed"


def test_what_is_raised_in_the_block_does_not_undo_it_nor_block_the_connection(
    china: Party,
) -> None:
    with pytest.raises(LookupError), under_way(RENAME, code="CHN", name="renamed"):
        raise LookupError
    assert Party.objects.get().name == "renamed"


def test_what_fails_gives_way_to_what_is_raised_in_the_block(china: Party) -> None:
    with pytest.raises(LookupError), under_way(RENAME, code="CHN", name=None):
        raise LookupError
    with under_way(RENAME, code="CHN", name="renamed"):
        pass
    assert Party.objects.get().name == "renamed"


def test_more_than_the_connection_holds_at_once_is_sent_as_well(china: Party) -> None:
    with under_way(RENAME, code="CHN", name="renamed", more="x" * 5_000_000):
        pass
    assert Party.objects.get().name == "renamed"


def test_a_lost_connection_is_an_error_of_the_database_and_made_anew(china: Party) -> None:
    with under_way(RENAME, code="CHN", name="one"):
        pass
    [[pid]] = fetch("SELECT pg_backend_pid()")
    with pytest.raises(OperationalError), transaction.atomic():
        fetch("SELECT pg_terminate_backend(%(pid)s::int)", pid=pid)
    connection.close_if_unusable_or_obsolete()
    with under_way(RENAME, code="CHN", name="two"):
        pass
    assert Party.objects.get().name == "two"
