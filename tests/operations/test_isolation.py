"""One bad row never stops the others, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Announcement, JobKind, Status
from compliance.models import (
    Agreement,
    Alert,
    Breach,
    Deadline,
    JobRun,
    LedgerEntry,
    Obligation,
)
from compliance.operations.agreements import documents
from compliance.operations.deadlines import isolation, recomputation, sweep
from tests.samples import (
    create_agreement,
    deadline_of,
    document,
    obligation,
    record,
    subscribe,
    update_obligation,
    utc,
)

pytestmark = pytest.mark.django_db(transaction=True)

AFTER = utc("2026-03-20T00:00")
COUNT = 30
BAD = "O-7"

_RAISE = """
    CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'refused for the test'; END $$
"""


def batches_tried(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[int]]:
    """Return a list that receives the ids of every batch that is processed from now on."""
    tried: list[Sequence[int]] = []
    process = isolation.process

    def remembered(ids: Sequence[int], *rest: Any, **more: Any) -> Any:
        tried.append(ids)
        return process(ids, *rest, **more)

    monkeypatch.setattr(isolation, "process", remembered)
    return tried


def execute(*statements: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values or None)


def constraint(pk: int) -> None:
    """A constraint that is checked as soon as the row is written."""
    execute(f"""ALTER TABLE compliance_deadline ADD CONSTRAINT for_the_test
                CHECK (id <> {pk} OR status <> 'unmet')""")


def deferred(pk: int) -> None:
    """A constraint that is checked at the commit."""
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        f"""CREATE CONSTRAINT TRIGGER for_the_test AFTER UPDATE ON compliance_deadline
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (NEW.id = {pk} AND NEW.status = 'unmet')
            EXECUTE FUNCTION refuse_for_the_test()""",
    )


def exception_in_trigger(pk: int) -> None:
    """A trigger raises an exception when the breach of the deadline is inserted."""
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        f"""CREATE TRIGGER for_the_test BEFORE INSERT ON compliance_breach
            FOR EACH ROW WHEN (NEW.deadline_id = {pk}) EXECUTE FUNCTION refuse_for_the_test()""",
    )


def ledger(pk: int) -> None:
    """The ledger, which is written last and under its lock, refuses an entry."""
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        f"""CREATE TRIGGER for_the_test BEFORE INSERT ON compliance_ledgerentry
            FOR EACH ROW WHEN (NEW.deadline_id = {pk}) EXECUTE FUNCTION refuse_for_the_test()""",
    )


def unreadable(pk: int) -> None:
    """A stored value that Python cannot represent."""
    execute("UPDATE compliance_deadline SET begins_at = '-infinity' WHERE id = %(pk)s", pk=pk)


def policy(pk: int) -> None:
    """A stored notification policy that cannot be read."""
    execute(
        """UPDATE compliance_obligation SET notification_policy = '{"reminders": 7}'
           WHERE id = (SELECT obligation_id FROM compliance_deadline WHERE id = %(pk)s)""",
        pk=pk,
    )


def alert(pk: int) -> None:
    """The alert table refuses an alert about the deadline."""
    execute(f"""ALTER TABLE compliance_alert ADD CONSTRAINT for_the_test
                CHECK (deadline_id <> {pk})""")


FAULTS = [constraint, deferred, exception_in_trigger, ledger, unreadable, policy, alert]


def often(*faults: Callable[[int], None], among: Sequence[Callable[[int], None]]) -> list[Any]:
    """Return these faults for every day, and the others of `among` for the exhaustive tests."""
    rarely = (pytest.param(each, marks=pytest.mark.exhaustive) for each in among)
    return [*faults, *(each for each in rarely if each.values[0] not in faults)]


@pytest.fixture(autouse=True)
def repaired() -> Any:
    """Restore the schema after each test."""
    yield
    tables = ("deadline", "breach", "ledgerentry", "alert", "obligation")
    execute(
        *(f"DROP TRIGGER IF EXISTS for_the_test ON compliance_{table}" for table in tables),
        *(
            f"ALTER TABLE compliance_{table} DROP CONSTRAINT IF EXISTS for_the_test"
            for table in tables
        ),
        "DROP FUNCTION IF EXISTS refuse_for_the_test",
    )


def others_are_unmet(bad: Deadline) -> None:
    others = Deadline.objects.exclude(pk=bad.pk)
    assert set(others.values_list("status", flat=True)) == {Status.UNMET}
    assert not others.exclude(quarantine_error="").exists()
    count = others.count()
    assert Breach.objects.exclude(deadline=bad).count() == count
    assert Alert.objects.exclude(deadline=bad).filter(kind="missed").count() == count
    unmet = LedgerEntry.objects.exclude(deadline=bad).filter(status=Status.UNMET)
    assert unmet.count() == count


def of_deadline(pk: int) -> dict[str, Any]:
    found = Deadline.objects.filter(pk=pk).values("status", "quarantine_error", "next_check_at")
    return dict(found.get())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("batch", [2_000, pytest.param(10, marks=pytest.mark.exhaustive)])
def test_a_row_that_the_database_refuses_is_quarantined_and_the_others_are_refreshed(
    fault: Callable[[int], None], batch: int
) -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    bad = deadline_of(BAD)
    fault(bad.pk)
    run = sweep.run(as_of=AFTER, batch=batch)
    assert (run.counts["refreshed"], run.counts["quarantined"]) == (COUNT - 1, 1)
    found = of_deadline(bad.pk)
    assert found["status"] == Status.PENDING
    assert found["quarantine_error"]
    assert found["next_check_at"] > AFTER
    assert not Breach.objects.filter(deadline=bad.pk).exists()
    assert not Alert.objects.filter(deadline=bad.pk, kind="missed").exists()
    others_are_unmet(bad)
    again = sweep.run(as_of=AFTER)
    assert (again.counts["refreshed"], again.counts["quarantined"]) == (0, 0)


@pytest.mark.parametrize("fault", often(deferred, unreadable, among=FAULTS))
def test_a_bad_deadline_that_others_depend_on_is_quarantined(fault: Callable[[int], None]) -> None:
    subscribe()
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": BAD}}
    create_agreement(
        *(obligation(f"O-{number}") for number in range(8)),
        obligation("O-8", due=after | {"from": {"deadline": "O-1"}}),
        obligation("O-9", due=after),
    )
    create_agreement(
        obligation("A"), obligation("B", due=after | {"from": {"deadline": "A"}}), ref="other"
    )
    bad = deadline_of(BAD)
    fault(bad.pk)
    sweep.run(as_of=AFTER)
    assert of_deadline(bad.pk)["quarantine_error"]
    if fault is unreadable:
        # Nobody can know whether the deadlines that depend on it have moved.
        dependent = Deadline.objects.filter(obligation__ref="O-9")
        assert "timestamp too small" in dependent.get().quarantine_error
        dependent.update(quarantine_error="")
    others_are_unmet(bad)


@pytest.mark.parametrize(
    "fault",
    often(constraint, policy, among=[each for each in FAULTS if each is not unreadable]),
)
def test_a_bad_deadline_that_depends_on_another_is_quarantined(
    fault: Callable[[int], None],
) -> None:
    subscribe()
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}
    create_agreement(
        *(obligation(f"O-{number}") for number in range(3)), obligation(BAD, due=after)
    )
    bad = deadline_of(BAD)
    fault(bad.pk)
    sweep.run(as_of=AFTER)
    assert of_deadline(bad.pk)["quarantine_error"]
    others_are_unmet(bad)


@pytest.mark.parametrize(
    "fault", often(constraint, among=[constraint, exception_in_trigger, ledger, alert])
)
def test_a_fact_is_recorded_although_a_dependent_deadline_is_bad(
    fault: Callable[[int], None],
) -> None:
    subscribe()
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}
    deadline = create_agreement(
        obligation("O-1"), obligation("O-2", due=after), obligation(BAD, due=after)
    )
    bad = deadline_of(BAD)
    fault(bad.pk)
    due = {"type": "date", "on": "2026-03-16"}
    record(deadline, as_of=AFTER, type="extension", on="2026-03-10", due=due)
    assert deadline.status == Status.UNMET
    assert str(deadline.due_on) == "2026-03-16"
    sweep.run(as_of=AFTER)
    assert deadline_of("O-2").status == Status.UNMET
    assert str(deadline_of("O-2").due_on) == "2026-03-17"
    assert of_deadline(bad.pk)["quarantine_error"]


@pytest.mark.parametrize("has_bad_row", [False, True], ids=["together", "in_parts"])
def test_a_deadline_whose_rule_cannot_be_resolved_is_announced_and_stays_quarantined(
    has_bad_row: bool,
) -> None:
    subscribe()
    after = {"type": "offset", "count": 1, "unit": "days"}
    create_agreement(
        obligation("A"),
        obligation("B", due=after | {"from": {"deadline": "A"}}),
        obligation("C", due=after | {"from": {"deadline": "B"}}),
        obligation(BAD, due=after | {"from": {"deadline": "C"}}),
    )
    # As if its zone had left the zone data.
    rule = {**after, "from": {"deadline": "A"}, "timezone": "Europe/Nowhere"}
    Obligation.objects.filter(ref="B").update(due=rule)
    if has_bad_row:
        constraint(deadline_of(BAD).pk)

    sweep.run(as_of=AFTER)

    found = of_deadline(deadline_of("B").pk)
    assert found["status"] == Status.UNMET
    assert "Europe/Nowhere" in found["quarantine_error"]
    assert found["next_check_at"] > AFTER
    assert Alert.objects.filter(deadline=deadline_of("B"), kind="missed").exists()
    assert deadline_of("C").status == Status.UNMET


@pytest.mark.parametrize("has_dependent", [False, True])
@pytest.mark.parametrize("has_bad_row", [False, True], ids=["together", "in_parts"])
def test_a_deadline_stays_quarantined_until_its_rule_can_be_resolved(
    has_bad_row: bool, has_dependent: bool
) -> None:
    after = {"type": "offset", "count": 1, "unit": "days"}
    create_agreement(
        obligation("A"),
        obligation("B", due=after | {"from": {"deadline": "A"}}),
        obligation(BAD, due=after | {"from": {"deadline": "A"}}),
        *([obligation("C", due=after | {"from": {"deadline": "B"}})] if has_dependent else []),
    )
    rule = {**after, "count": 4, "from": {"deadline": "A"}, "timezone": "Europe/Nowhere"}
    Obligation.objects.filter(ref="B").update(due=rule)
    if has_bad_row:
        constraint(deadline_of(BAD).pk)
    pk = deadline_of("B").pk

    def is_quarantined(*, minutes: int) -> bool:
        sweep.run(as_of=AFTER + timedelta(minutes=minutes))
        return "Europe/Nowhere" in of_deadline(pk)["quarantine_error"]

    for now, again in ((0, 5), (5, 65)):
        assert is_quarantined(minutes=now)
        assert of_deadline(pk)["next_check_at"] == AFTER + timedelta(minutes=again)
    run = recomputation.run(as_of=AFTER + timedelta(minutes=6))
    assert run is not None
    assert run.recomputed_deadlines.filter(deadline=pk, problem__contains="Nowhere").exists()
    assert recomputation.run(as_of=AFTER + timedelta(minutes=7)) is None
    record(deadline_of("B"), as_of=AFTER + timedelta(minutes=8), type="waiver", on="2026-03-20")
    assert is_quarantined(minutes=9)
    assert is_quarantined(minutes=130)
    assert str(deadline_of("B").due_on) == "2026-03-16"

    Obligation.objects.filter(ref="B").update(due={**rule, "timezone": "Europe/Berlin"})
    assert not is_quarantined(minutes=260)
    assert of_deadline(pk)["quarantine_error"] == ""
    assert str(deadline_of("B").due_on) == "2026-03-19"
    if has_dependent:
        assert str(deadline_of("C").due_on) == "2026-03-20"


def test_deadlines_that_cannot_even_be_quarantined_delay_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(8)))
    ids = list(Deadline.objects.order_by("id").values_list("id", flat=True)[:3])
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        f"""CREATE TRIGGER for_the_test BEFORE UPDATE ON compliance_deadline FOR EACH ROW
            WHEN (NEW.id <= {ids[-1]}) EXECUTE FUNCTION refuse_for_the_test()""",
    )
    assert sweep.run(as_of=AFTER, batch=4).counts["refreshed"] == 5
    others = Deadline.objects.exclude(pk__in=ids)
    assert set(others.values_list("status", flat=True)) == {Status.UNMET}
    # The next sweeps do not search for them again; one an hour later does.
    tried = batches_tried(monkeypatch)
    sweep.run(as_of=AFTER + timedelta(minutes=1))
    assert tried == []
    sweep.run(as_of=AFTER + timedelta(minutes=61))
    assert tried == [ids]


def test_a_lasting_error_quarantines_deadlines_for_five_minutes_and_then_for_an_hour() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(3)))
    execute("ALTER TABLE compliance_breach ADD CONSTRAINT for_the_test CHECK (id < 0) NOT VALID")
    for minutes in (0, 5):
        sweep.run(as_of=AFTER + timedelta(minutes=minutes))
    assert Deadline.objects.exclude(quarantine_error="").count() == 3
    [again_at] = set(Deadline.objects.values_list("next_check_at", flat=True))
    assert again_at == AFTER + timedelta(minutes=65)


def test_a_repaired_error_of_our_own_delays_deadlines_by_five_minutes() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(3)))
    execute("ALTER TABLE compliance_breach ADD CONSTRAINT for_the_test CHECK (id < 0) NOT VALID")
    sweep.run(as_of=AFTER)
    execute("ALTER TABLE compliance_breach DROP CONSTRAINT for_the_test")
    sweep.run(as_of=AFTER + timedelta(minutes=5))
    assert set(Deadline.objects.values_list("status", flat=True)) == {Status.UNMET}


@pytest.mark.parametrize("bad", [[0], [999], [500, 501], list(range(20)), [1, 400, 401, 998]])
def test_bad_rows_are_found_in_few_calls(bad: list[int]) -> None:
    failed: list[int] = []
    calls: list[int] = []

    def work(part: Sequence[int]) -> Sequence[int]:
        calls.append(len(part))
        if set(part) & set(bad):
            raise ValueError(part)
        return part

    with transaction.atomic():
        done = isolation.process(range(1_000), work, fail=lambda pk, _: failed.append(pk))
    assert failed == bad
    assert sorted(pk for part in done for pk in part) == sorted(set(range(1_000)) - set(bad))
    assert len(calls) <= 2 * 10 * len(bad) + 1


def test_an_error_that_all_rows_share_is_raised_and_quarantines_none() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    execute("ALTER TABLE compliance_breach ADD CONSTRAINT for_the_test CHECK (id < 0) NOT VALID")
    with pytest.raises(IntegrityError):
        sweep.run(as_of=AFTER)
    assert not Deadline.objects.exclude(quarantine_error="").exists()


def test_an_error_that_does_not_concern_single_rows_is_raised() -> None:
    """Among them lost connections, lock timeouts, deadlocks and serialization failures."""
    create_agreement(*(obligation(f"O-{number}") for number in range(3)))
    for state in ("40001", "40P01", "55P03", "08006", "57P01", "42P01", "53100"):
        execute(
            f"""CREATE OR REPLACE FUNCTION refuse_for_the_test() RETURNS trigger
                LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION 'busy {state}' USING ERRCODE = '{state}'; END $$""",
            """CREATE OR REPLACE TRIGGER for_the_test BEFORE INSERT ON compliance_breach
               FOR EACH ROW EXECUTE FUNCTION refuse_for_the_test()""",
        )
        with pytest.raises(DatabaseError, match=f"busy {state}"):
            sweep.run(as_of=AFTER)
        assert not Deadline.objects.exclude(quarantine_error="").exists()


def test_a_quarantined_deadline_is_refreshed_an_hour_after_the_fault_is_repaired() -> None:
    subscribe()
    create_agreement(*(obligation(f"O-{number}") for number in range(3)), obligation(BAD))
    bad = deadline_of(BAD)
    constraint(bad.pk)
    sweep.run(as_of=AFTER)
    execute("ALTER TABLE compliance_deadline DROP CONSTRAINT for_the_test")
    sweep.run(as_of=AFTER.replace(hour=2))
    found = of_deadline(bad.pk)
    assert (found["status"], found["quarantine_error"]) == (Status.UNMET, "")


def test_an_agreement_that_cannot_be_refreshed_does_not_delay_the_others() -> None:
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "A"}}
    for ref in ("first", "second", "third"):
        create_agreement(obligation("A"), obligation("B", due=after), ref=ref)
    # The database refuses every change of the first one, even the error.
    first = Agreement.objects.get(ref="first")
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        f"""CREATE TRIGGER for_the_test BEFORE UPDATE ON compliance_deadline FOR EACH ROW
            WHEN (NEW.agreement_id = {first.pk}) EXECUTE FUNCTION refuse_for_the_test()""",
    )
    sweep.run(as_of=AFTER)
    others = Deadline.objects.exclude(agreement=first)
    assert set(others.values_list("status", flat=True)) == {Status.UNMET}


def test_a_recomputation_reports_a_row_that_the_database_refuses_and_moves_the_others() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(COUNT)))
    bad = deadline_of(BAD)
    Deadline.objects.update(data_version="", original_due_on="2026-03-14")
    execute(f"""ALTER TABLE compliance_deadline ADD CONSTRAINT for_the_test
                CHECK (id <> {bad.pk} OR original_due_on <> '2026-03-15')""")
    run = recomputation.run(as_of=utc("2026-03-01T00:00"), batch=10)
    assert run is not None
    assert run.counts["failed"] == 1
    assert [move.deadline_id for move in run.recomputed_deadlines.exclude(problem="")] == [bad.pk]
    others = Deadline.objects.exclude(pk=bad.pk)
    assert {str(day) for day in others.values_list("original_due_on", flat=True)} == {"2026-03-15"}
    # It is not tried again before the data changes.
    assert recomputation.run(as_of=utc("2026-03-01T00:01")) is None
    assert JobRun.objects.finished(JobKind.RECOMPUTATION).count() == 1


def refused_breaches_of(ref: str) -> None:
    """The database refuses a breach of any deadline of the obligation with this ref."""
    execute(
        f"""CREATE FUNCTION refuse_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM compliance_deadline AS d
                       JOIN compliance_obligation AS o ON o.id = d.obligation_id
                       WHERE d.id = NEW.deadline_id AND o.ref = '{ref}') THEN
                RAISE EXCEPTION 'refused for the test';
            END IF;
            RETURN NEW;
        END $$""",
        """CREATE TRIGGER for_the_test BEFORE INSERT ON compliance_breach
            FOR EACH ROW EXECUTE FUNCTION refuse_for_the_test()""",
    )


def test_a_bad_dependent_does_not_turn_imported_history_into_news() -> None:
    subscribe()
    refused_breaches_of(BAD)
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}
    done = {"type": "performance", "on": "2024-02-01", "recorded_at": "2024-02-02T00:00:00Z"}
    source = create_agreement(
        obligation("O-1", "2024-01-10", facts=[done]),
        obligation("O-2", due=after, facts=[done]),
        obligation(BAD, due=after),
        signed_on="2024-01-01",
        recorded_at="2024-01-01T00:00:00Z",
        as_of=AFTER,
    )
    dependent = deadline_of("O-2")
    assert (source.status, dependent.status) == (Status.MET_LATE, Status.MET_LATE)
    assert of_deadline(deadline_of(BAD).pk)["quarantine_error"]
    sweep.run(as_of=AFTER)
    assert not Alert.objects.exists()
    for deadline in (source, dependent):
        known = LedgerEntry.objects.filter(deadline=deadline).order_by("recorded_at")
        assert known.values_list("recorded_at", flat=True)[0] == utc("2024-01-01T00:00")


@pytest.mark.parametrize("announcement", ["summary", "all"])
def test_a_quarantined_deadline_learns_of_its_imported_history_without_announcing_it(
    announcement: str,
) -> None:
    subscribe()
    refused_breaches_of(BAD)
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}
    done = {"type": "performance", "on": "2024-02-01", "recorded_at": "2024-02-02T00:00:00Z"}
    stored = create_agreement(obligation("O-1", "2024-01-10"), as_of=utc("2024-01-01T00:00"))
    documents.load(
        document=read(
            AgreementDocument,
            document(
                "supply",
                obligation("O-1", "2024-01-10", facts=[done]),
                obligation(BAD, due=after, facts=[done]),
                obligation("O-2", due=after, facts=[done]),
                recorded_at="2024-01-01T00:00:00Z",
            ),
        ),
        by=None,
        as_of=AFTER,
        announcement=Announcement(announcement),
    )
    bad = deadline_of(BAD)
    assert of_deadline(bad.pk)["quarantine_error"]
    execute("DROP TRIGGER for_the_test ON compliance_breach")
    sweep.run(as_of=AFTER.replace(hour=2))
    assert of_deadline(bad.pk)["quarantine_error"] == ""
    assert deadline_of(BAD).status == Status.MET_LATE
    assert not Alert.objects.filter(deadline__in=[bad, stored]).exists()
    ledgers = [
        LedgerEntry.objects.filter(deadline=each)
        .order_by("recorded_at", "effective_at")
        .values_list("recorded_at", "effective_at", "status", "reason")
        for each in (bad, deadline_of("O-2"))
    ]
    assert list(ledgers[0]) == list(ledgers[1])
    assert ledgers[0][0][0] < utc("2024-02-03T00:00")


def with_history(*others: dict[str, Any]) -> Deadline:
    """Import an agreement with a history in which a deadline follows another; return it."""
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}
    done = {"type": "performance", "on": "2026-02-10", "recorded_at": "2026-02-11T00:00:00Z"}
    create_agreement(
        obligation("O-1", "2026-09-15"),
        obligation(BAD, due=after, target_quantity=9, unit="t", facts=[{**done, "quantity": 1}]),
        *others,
        recorded_at="2026-02-01T00:00:00Z",
        as_of=AFTER,
    )
    return deadline_of(BAD)


def test_what_changes_after_an_import_is_known_and_announced_once_it_could_be_computed() -> None:
    subscribe()
    bad = with_history()
    before = LedgerEntry.objects.filter(deadline=bad).count()
    ledger(bad.pk)
    extended, again = AFTER + timedelta(days=100), AFTER + timedelta(days=110)
    new_due = {"type": "date", "on": "2026-11-15"}
    record(deadline_of("O-1"), as_of=extended, type="extension", on="2026-06-20", due=new_due)
    assert of_deadline(bad.pk)["quarantine_error"]
    execute("DROP TRIGGER for_the_test ON compliance_ledgerentry")
    sweep.run(as_of=again)
    assert of_deadline(bad.pk)["quarantine_error"] == ""
    entries = LedgerEntry.objects.filter(deadline=bad).order_by("recorded_at")
    assert entries.count() == before + 1
    assert [each.recorded_at for each in entries][before:] == [again]
    assert Alert.objects.filter(deadline=bad, kind="changed").count() == 1


def test_a_deadline_that_was_never_computed_learns_later_changes_when_it_is() -> None:
    subscribe()
    execute(
        _RAISE.replace("pg_temp.refuse", "refuse_for_the_test"),
        """CREATE TRIGGER for_the_test BEFORE INSERT ON compliance_ledgerentry
            FOR EACH ROW WHEN (NEW.target = 9) EXECUTE FUNCTION refuse_for_the_test()""",
    )
    bad = with_history()
    assert of_deadline(bad.pk)["quarantine_error"]
    extended, again = AFTER + timedelta(days=100), AFTER + timedelta(days=110)
    new_due = {"type": "date", "on": "2026-11-15"}
    record(deadline_of("O-1"), as_of=extended, type="extension", on="2026-06-20", due=new_due)
    execute("DROP TRIGGER for_the_test ON compliance_ledgerentry")
    sweep.run(as_of=again)
    entries = LedgerEntry.objects.filter(deadline=bad).order_by("recorded_at")
    assert [f"{each.recorded_at:%m-%d}" for each in entries] == ["02-01", "02-11", f"{again:%m-%d}"]
    assert Alert.objects.filter(deadline=bad, kind="changed").count() == 1


def test_an_unreadable_rule_of_an_imported_deadline_stops_neither_requests_nor_sweeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    subscribe()
    bad = with_history(*(obligation(f"N-{number}") for number in range(8)))
    again = AFTER + timedelta(days=200)
    execute(
        f"""UPDATE compliance_obligation SET due = '{{"type": "none"}}' WHERE ref = '{BAD}'""",
        f"""UPDATE compliance_deadline SET quarantine_error = 'bad', next_check_at = '2026-03-21'
            WHERE id = {bad.pk}""",
    )
    record(bad, as_of=AFTER + timedelta(days=2), type="performance", on="2026-03-20", quantity=2)
    assert of_deadline(bad.pk)["quarantine_error"]
    assert bad.performed_quantity == 3
    tried = batches_tried(monkeypatch)
    sweep.run(as_of=again)
    assert all(bad.pk not in each or len(each) == 1 for each in tried)
    assert of_deadline(bad.pk)["quarantine_error"]
    assert deadline_of(BAD).status == Status.PARTLY_MET
    assert Alert.objects.filter(deadline=bad, kind="missed").count() == 1
    assert not Deadline.objects.exclude(pk=bad.pk).exclude(quarantine_error="").exists()


def test_a_rule_that_is_corrected_after_an_import_was_not_known_before() -> None:
    done = {"type": "performance", "on": "2026-02-10", "recorded_at": "2026-02-11T00:00:00Z"}
    value = obligation("O-1", "2026-09-15", target_quantity=9, unit="t")
    create_agreement(
        {**value, "facts": [{**done, "quantity": 1}]},
        recorded_at="2026-02-01T00:00:00Z",
        as_of=AFTER,
    )
    deadline = deadline_of("O-1")
    before = LedgerEntry.objects.filter(deadline=deadline).count()
    Deadline.objects.update(quarantine_error="an error of our own")
    corrected = AFTER + timedelta(days=9)
    update_obligation({**value, "due": {"type": "date", "on": "2026-11-15"}}, as_of=corrected)
    entries = LedgerEntry.objects.filter(deadline=deadline).order_by("recorded_at")
    assert {each.recorded_at for each in entries[before:]} == {corrected}


@pytest.mark.parametrize("has_second_import", [False, True])
def test_what_changes_between_two_imports_is_announced_once_it_can_be_computed(
    *, has_second_import: bool
) -> None:
    subscribe()
    after = {"type": "offset", "count": 1, "unit": "days", "from": {"deadline": "O-1"}}

    def load(second: int, *known: str) -> None:
        done = [
            {"type": "performance", "on": "2026-01-20", "recorded_at": f"{day}T00:00:00Z"}
            for day in known
        ]
        value = document(
            "supply",
            obligation("O-1", "2026-09-15", target_quantity=9, unit="t", facts=[
                {**each, "quantity": 1} for each in done
            ]),
            obligation(BAD, due=after, target_quantity=9, unit="t", facts=[
                {**each, "quantity": 2} for each in done
            ]),
            recorded_at="2026-01-15T00:00:00Z",
        )  # fmt: skip
        documents.load(
            document=read(AgreementDocument, value),
            by=None,
            as_of=AFTER + timedelta(days=second),
            announcement=Announcement.SUMMARY,
        )

    load(0)
    bad = deadline_of(BAD)
    before = LedgerEntry.objects.filter(deadline=bad).count()
    ledger(bad.pk)
    load(10, "2026-02-11")
    assert of_deadline(bad.pk)["quarantine_error"]
    new_due = {"type": "date", "on": "2026-11-15"}
    extended = AFTER + timedelta(days=20)
    record(deadline_of("O-1"), as_of=extended, type="extension", on="2026-04-09", due=new_due)
    if has_second_import:
        load(30, "2026-02-11", "2026-02-12")
    execute("DROP TRIGGER for_the_test ON compliance_ledgerentry")
    again = AFTER + timedelta(days=40)
    sweep.run(as_of=again)
    assert of_deadline(bad.pk)["quarantine_error"] == ""
    assert f"{deadline_of(BAD).due_on}" == "2026-11-16"
    entries = LedgerEntry.objects.filter(deadline=bad).order_by("recorded_at", "effective_at")
    known = {f"{each.recorded_at:%m-%d}" for each in entries[before:]}
    brought = {"02-11", "02-12"} if has_second_import else {"02-11"}
    assert known == {*brought, f"{again:%m-%d}"}
    assert Alert.objects.filter(deadline=bad, kind="changed").count() == 1
