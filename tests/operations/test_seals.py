"""One seal a day covers everything that is recorded."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from compliance.domain.integrity.chains import link
from compliance.models import Agreement, Deadline, Fact, LedgerEntry, Seal
from compliance.models.integrity.chains import chained_seal
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from tests.operations.example_history import NOW, remember
from tests.samples import create_agreement, record, utc

DAY = timedelta(days=1)


@pytest.mark.django_db
def test_each_day_has_one_seal_linked_to_the_previous_one() -> None:
    deadline = create_agreement()
    first = seals.seal(as_of=utc("2026-02-02T00:30"))
    assert seals.seal(as_of=utc("2026-02-02T23:30")) is None
    record(deadline, as_of=utc("2026-02-02T12:00"), type="performance", on="2026-02-02")
    second = seals.seal(as_of=utc("2026-02-03T00:30"))
    assert first is not None
    assert second is not None
    assert (first.chains, second.chains) == (1, 2)
    assert second.last_fact_id > first.last_fact_id == 0
    assert second.last_entry_id > first.last_entry_id
    assert second.hash == link(bytes(first.hash), chained_seal(second))
    assert second.root != first.root


@pytest.mark.django_db
def test_later_records_do_not_invalidate_a_seal() -> None:
    deadline = create_agreement()
    seals.seal(as_of=utc("2026-02-02T00:30"))
    record(deadline, as_of=utc("2026-02-02T12:00"), type="performance", on="2026-02-02")
    create_agreement(ref="other")
    assert integrity.check(as_of=utc("2026-02-03T00:00")).is_clean


@pytest.mark.django_db
def test_an_empty_database_can_be_sealed() -> None:
    made = seals.seal(as_of=NOW)
    assert made is not None
    assert made.chains == 0
    assert integrity.check(as_of=NOW).is_clean


@pytest.mark.django_db(transaction=True)
def test_two_concurrent_workers_create_one_seal() -> None:
    create_agreement()
    start = threading.Barrier(4)

    def work() -> Seal | None:
        try:
            start.wait(timeout=60)
            return seals.seal(as_of=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = [each.result(timeout=60) for each in [pool.submit(work) for _ in range(4)]]
    assert sum(each is not None for each in made) == 1
    assert Seal.objects.count() == 1
    assert integrity.check(as_of=NOW).is_clean


@pytest.mark.django_db(transaction=True)
def test_a_seal_waits_for_uncommitted_rows() -> None:
    deadline = create_agreement()
    recorded, finish = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic():
                record(deadline, as_of=NOW, type="performance", on="2026-03-01")
                recorded.set()
                finish.wait(timeout=60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        assert recorded.wait(timeout=60)
        try:
            assert seals.seal(as_of=NOW) is None
        finally:
            finish.set()
        writing.result(timeout=30)
    made = seals.seal(as_of=NOW)
    assert made is not None
    assert made.last_fact_id == Fact.objects.get().pk
    assert made.last_entry_id == LedgerEntry.objects.latest("id").pk


def _unchain() -> None:
    """Remove all hash chains, as if they had not been introduced yet."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in ("fact", "ledgerentry"):
            cursor.execute(f"UPDATE compliance_{table} SET hash = NULL")
        cursor.execute("SET LOCAL session_replication_role = origin")
    Deadline.objects.update(facts_head=None, ledger_head=None)
    Agreement.objects.update(facts_head=None)


@pytest.mark.django_db
def test_the_first_seal_chains_unhashed_rows() -> None:
    remember()
    others = Deadline.objects.exclude(obligation__ref="O-7").order_by("id")
    heads = list(others.values_list("facts_head", "ledger_head"))
    _unchain()
    assert integrity.check(as_of=NOW).is_clean
    late = Deadline.objects.get(obligation__ref="O-7")
    record(late, as_of=NOW, type="performance", on="2026-07-31")
    assert integrity.check(as_of=NOW).is_clean
    seals.seal(as_of=NOW)
    assert not Fact.objects.filter(hash=None).exists()
    assert not LedgerEntry.objects.filter(hash=None).exists()
    assert integrity.check(as_of=NOW).is_clean
    # These are the chains that the rows would have had.
    assert list(others.values_list("facts_head", "ledger_head")) == heads


@pytest.mark.django_db
def test_unhashed_rows_are_not_chained_after_the_first_seal() -> None:
    remember()
    seals.seal(as_of=NOW)
    _unchain()
    assert seals.chain_unhashed() == 0
    assert seals.seal(as_of=NOW + DAY) is not None
    assert LedgerEntry.objects.filter(hash=None).exists()
    findings = integrity.check(as_of=NOW)
    assert {each.table for each in findings.bad_rows} == {
        "compliance_fact",
        "compliance_ledgerentry",
    }
    assert all("no hash" in each.detail for each in findings.bad_rows)


@pytest.mark.django_db
def test_a_check_is_due_once_a_day() -> None:
    assert seals.is_check_due(as_of=NOW)
    seals.record_check(started_at=NOW, ended_at=NOW, deadlines=0, facts=0, entries=0, problems=[])
    assert not seals.is_check_due(as_of=NOW + timedelta(hours=22))
    assert seals.is_check_due(as_of=NOW + DAY)
