"""After the purge of an import, everything is as if it had never been imported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from compliance.admin.agreements.imports import ImportPurgeForm, effect_of
from compliance.domain.agreements.document_drafts import AgreementDocument
from compliance.domain.agreements.import_reports import ImportMode
from compliance.domain.drafts import read
from compliance.domain.problems import Invalid
from compliance.models import (
    Agreement,
    Alert,
    Breach,
    Deadline,
    Fact,
    ImportBatch,
    LedgerEntry,
    Team,
    Tombstone,
)
from compliance.operations.agreements import documents, import_purges
from compliance.operations.deadlines import sweep
from compliance.operations.integrity import seals
from compliance.queries.integrity import tampering as integrity
from tests.samples import (
    create_agreement,
    deadline_of,
    document,
    obligation,
    record,
    state_position,
    subscribe,
    utc,
)

pytestmark = pytest.mark.django_db

BEGIN = utc("2026-02-01T00:00")
IMPORTED = utc("2026-03-20T09:00")
NOW = utc("2026-08-01T00:00")


def imported(
    value: dict[str, Any], *, as_of: datetime = IMPORTED, mode: ImportMode = ImportMode.ADD
) -> ImportBatch:
    """Import a document, and return the batch."""
    loaded = documents.load(
        document=read(AgreementDocument, value),
        by=None,
        as_of=as_of,
        mode=mode,
        source_name="b.yaml",
    )
    assert loaded.batch is not None
    return loaded.batch


def purge(batch: ImportBatch, as_of: datetime = NOW) -> Tombstone:
    return import_purges.purge_import(batch=batch, reason="Wrong file", by=None, as_of=as_of)


def ledger(deadline: Deadline) -> list[tuple[object, ...]]:
    rows = LedgerEntry.objects.filter(deadline=deadline).order_by("recorded_at", "effective_at")
    return list(rows.values_list("recorded_at", "effective_at", "status", "reason", "due_at"))


def problems() -> list[str]:
    return [str(each) for each in integrity.check(as_of=NOW, every_seal=True).bad_rows]


def test_facts_appended_to_an_agreement_leave_no_trace_but_the_tombstone() -> None:
    deadline = create_agreement(as_of=BEGIN)
    sweep.run(as_of=utc("2026-03-16T00:00"))
    before = ledger(deadline)
    seals.seal(as_of=utc("2026-03-17T00:00"))
    batch = imported(
        document("supply", obligation(facts=[{"type": "performance", "on": "2026-03-10"}]))
    )
    deadline.refresh_from_db()
    assert deadline.status == "met"
    seals.seal(as_of=utc("2026-03-21T00:00"))
    tombstone = purge(batch)
    deadline.refresh_from_db()
    assert (deadline.status, ledger(deadline)) == ("unmet", before)
    assert (tombstone.subject, tombstone.ref) == ("import", "supply")
    assert (Fact.objects.count(), ImportBatch.objects.count()) == (0, 1)
    assert problems() == []
    seals.seal(as_of=NOW)
    record(deadline, as_of=NOW, type="performance", on="2026-07-01")
    assert problems() == []
    assert "import supply was purged" in integrity.check(as_of=NOW).gaps[0]


def test_an_import_that_created_an_agreement_is_purged_with_all_of_it() -> None:
    batch = imported(
        document("supply", obligation(facts=[{"type": "performance", "on": "2026-03-10"}]))
    )
    assert batch.is_new_agreement
    assert (batch.source_name, batch.mode, batch.counts["obligations"]) == ("b.yaml", "add", 1)
    tombstone = purge(batch)
    assert tombstone.counts["compliance_agreement"] == 1
    assert tombstone.counts["compliance_importbatch"] == 1
    assert not Agreement.objects.exists()
    assert problems() == []


def test_an_import_that_stores_nothing_is_no_batch() -> None:
    value = document("supply", obligation())
    imported(value)
    again = documents.load(document=read(AgreementDocument, value), by=None, as_of=NOW)
    tried = documents.load(
        document=read(AgreementDocument, document("supply", obligation("O-2"))),
        by=None,
        as_of=NOW,
        is_dry_run=True,
    )
    assert (again.batch, tried.batch, ImportBatch.objects.count()) == (None, None, 1)


def test_a_correction_by_an_import_is_undone_with_it() -> None:
    first = {"type": "performance", "on": "2026-01-20", "note": "first"}
    deadline = create_agreement(obligation(facts=[first]), as_of=BEGIN)
    changed = {**first, "note": "second"}
    batch = imported(document("supply", obligation(facts=[changed])), mode=ImportMode.UPDATE)
    assert Fact.objects.filter(deadline=deadline).count() == 2
    purge(batch)
    assert Fact.objects.get(deadline=deadline).note == "first"
    assert problems() == []


def test_corrections_by_an_import_are_corrected_back_unless_corrected_again() -> None:
    stored = obligation("O-1", "2026-09-15", title="First", severity="low", tags=["a"])
    create_agreement(
        {**stored, "target_quantity": 10, "unit": "t"},
        as_of=BEGIN,
        ends_on="2027-06",
        milestones=[{"ref": "M", "on": "2026-05-01"}],
    )
    agreement = Agreement.objects.get()
    title = agreement.title
    changed = {**stored, "title": "Second", "severity": "high", "tags": ["b"]}
    changed |= {"due": {"type": "date", "on": "2026-10-20"}, "binds_on": "2026-02"}
    changed |= {"target_quantity": 20, "unit": "t"}
    value = document("supply", changed, milestones=[{"ref": "M", "on": "2026-06-01"}])
    batch = imported({**value, "title": "Renamed", "ends_on": "2028"}, mode=ImportMode.UPDATE)
    assert batch.counts["corrections"] >= 7
    later = document("supply", {**changed, "severity": "critical"})
    imported(later, as_of=IMPORTED.replace(day=25), mode=ImportMode.UPDATE)
    assert deadline_of("O-1").due_at == utc("2026-10-20T16:00")
    purge(batch)
    deadline = deadline_of("O-1")
    obligation_now = deadline.obligation
    assert (deadline.due_at, obligation_now.title) == (utc("2026-09-15T16:00"), "First")
    assert (obligation_now.severity, obligation_now.tags) == ("critical", ["a"])
    assert obligation_now.target_quantity == 10
    assert obligation_now.binds_on is None
    agreement.refresh_from_db()
    assert (agreement.title, str(agreement.ends_on)) == (title, "2027-06-30")
    assert agreement.ends_on_precision == "month"
    assert str(agreement.milestones.get().on) == "2026-05-01"
    assert problems() == []


def test_a_milestone_that_an_import_dated_is_undated_again_with_its_deadlines() -> None:
    due = {"type": "offset", "count": 3, "unit": "days", "from": {"milestone": "M"}}
    deadline = create_agreement(obligation(due=due), as_of=BEGIN, milestones=[{"ref": "M"}])
    before = ledger(deadline)
    dated = document("supply", obligation(due=due), milestones=[{"ref": "M", "on": "2026-04-01"}])
    batch = imported(dated)
    sweep.run(as_of=utc("2026-05-01T00:00"))
    deadline.refresh_from_db()
    assert deadline.status == "unmet"
    purge(batch)
    deadline.refresh_from_db()
    assert (deadline.status, deadline.due_at, ledger(deadline)) == ("dormant", None, before)
    assert problems() == []


def later_fact_about_a_new_obligation() -> str:
    record(deadline_of("O-2"), as_of=NOW, type="performance", on="2026-07-01")
    return "performance"


def later_obligation_that_counts_from_a_new_milestone() -> str:
    due = {"type": "offset", "count": 3, "unit": "days", "from": {"milestone": "M"}}
    imported(document("supply", obligation("O-3", due=due)), as_of=NOW)
    return "the rule of obligation O-3"


def later_retraction_of_a_new_fact() -> str:
    fact = Fact.objects.get(deadline__obligation__ref="O-1")
    record(deadline_of("O-1"), as_of=NOW, type="retraction", supersedes=fact.pk)
    return "retraction"


def later_fact_that_cites_new_evidence() -> str:
    record(deadline_of("O-1"), as_of=NOW, type="performance", on="2026-07-01", evidence=["E-1"])
    return "performance"


def later_position_about_a_new_obligation() -> str:
    state_position(deadline_of("O-2"), as_of=NOW, party="CHN", verdict="met", on="2026-07-01")
    return "a position of CHN"


def later_date_of_a_new_milestone() -> str:
    dated = document("supply", obligation(), milestones=[{"ref": "M", "on": "2026-05-05"}])
    imported(dated, as_of=NOW, mode=ImportMode.UPDATE)
    return "another date of milestone M"


@pytest.mark.parametrize(
    "work",
    [
        later_fact_about_a_new_obligation,
        later_obligation_that_counts_from_a_new_milestone,
        later_retraction_of_a_new_fact,
        later_fact_that_cites_new_evidence,
        later_position_about_a_new_obligation,
        later_date_of_a_new_milestone,
    ],
    ids=lambda work: work.__name__,
)
def test_a_purge_is_refused_while_later_records_depend_on_the_import(
    work: Callable[[], str],
) -> None:
    create_agreement(as_of=BEGIN)
    batch = imported(
        document(
            "supply",
            obligation(facts=[{"type": "performance", "on": "2026-03-10"}]),
            obligation("O-2", "2026-06-01"),
            milestones=[{"ref": "M", "on": "2026-05-01"}],
            evidence=[{"ref": "E-1", "title": "Log", "kind": "document", "stance": "for"}],
        )
    )
    assert (batch.counts["milestones"], batch.counts["evidence"]) == (1, 1)
    named = work()
    count = Fact.objects.count()
    with pytest.raises(Invalid, match=named), transaction.atomic():
        purge(batch)
    assert (Fact.objects.count(), Tombstone.objects.count()) == (count, 0)
    assert problems() == []


def test_a_fact_that_was_removed_in_sql_is_found_although_others_were_purged() -> None:
    deadline = create_agreement(as_of=BEGIN)
    performed = {"type": "performance", "on": "2026-03-10"}
    batch = imported(document("supply", obligation(facts=[performed])))
    later = record(deadline, as_of=utc("2026-05-01T00:00"), type="waiver", on="2026-05-01")
    purge(batch)
    assert problems() == []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM compliance_fact WHERE id = %s", [later.pk])
        assert any("compliance_fact" in each for each in problems())
        transaction.set_rollback(True)


def test_a_purge_of_an_import_that_was_forged_in_sql_is_found() -> None:
    create_agreement(as_of=BEGIN)
    imported(document("supply", obligation(facts=[{"type": "waiver", "on": "2026-03-10"}])))
    seals.seal(as_of=NOW)
    fact = Fact.objects.get()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO compliance_tombstone (subject, subject_id, ref, reason, purged_at, counts,"
            " transaction_id, hash, signature) VALUES ('import', 1, 'supply', 'x', now(), '{}', 1,"
            " %s, %s) RETURNING id",
            [b"x" * 32, b"y" * 32],
        )
        [tombstone] = cursor.fetchone()
        cursor.execute(
            "INSERT INTO compliance_removedrows (tombstone_id, table_name, chain, key, ids, hashes)"
            " VALUES (%s, 'compliance_fact', 'deadline_id', %s, %s, %s)",
            [tombstone, fact.deadline_id, [fact.pk], [bytes(fact.hash or b"")]],
        )
        cursor.execute("DELETE FROM compliance_ledgerentry WHERE fact_id = %s", [fact.pk])
        cursor.execute("DELETE FROM compliance_fact WHERE id = %s", [fact.pk])
        found = problems()
        assert any("compliance_tombstone" in each for each in found), found
        assert any("compliance_fact" in each or "compliance_deadline" in each for each in found)
        transaction.set_rollback(True)


def rows_now() -> set[tuple[object, ...]]:
    """Return the deadlines that are not withdrawn, with status and due date."""
    found = Deadline.objects.filter(is_withdrawn=False)
    return set(found.values_list("id", "status", "due_at"))


def test_dates_before_the_signature_that_only_an_import_proved_are_withdrawn_with_it() -> None:
    subscribe()
    quarterly = {
        "type": "recurrence", "rrule": "FREQ=MONTHLY;INTERVAL=3", "start": "2019-03-31",
    }  # fmt: skip
    following = {"type": "offset", "count": 9, "unit": "days", "from": {"deadline": "O-1"}}
    stored = [obligation(due=quarterly), obligation("O-2", due=following)]
    create_agreement(*stored, as_of=BEGIN)
    before = rows_now()
    facts = [
        {"type": "performance", "on": f"{year}-03-{day}", "due_on": f"{year}-03-31"}
        for year, day in ((2019, 20), (2020, 31), (2021, 31))
    ]
    facts[2]["on"] = "2021-04-15"
    facts[0]["recorded_at"] = "2019-03-21T00:00:00Z"
    batch = imported(document("supply", {**stored[0], "facts": facts}))
    assert Deadline.objects.filter(due_on__lt="2026-01-01", is_withdrawn=False).count() == 6
    sweep.run(as_of=IMPORTED.replace(day=21))
    kept = record(
        Deadline.objects.get(obligation__ref="O-1", due_on="2020-03-31"),
        as_of=IMPORTED.replace(day=22),
        type="performance",
        on="2020-03-30",
    )
    alerts = set(Alert.objects.values_list("id", flat=True))
    purge(batch, as_of=IMPORTED.replace(day=23))
    sweep.run(as_of=IMPORTED.replace(day=23))
    assert not Alert.objects.exclude(pk__in=alerts).exists()
    early = Deadline.objects.filter(due_on__lt="2026-01-01", is_withdrawn=False)
    assert {each.obligation.ref for each in early} == {"O-1", "O-2"}
    assert [each.pk for each in early.filter(obligation__ref="O-1")] == [kept.deadline_id]
    assert not Breach.objects.exclude(deadline__in=early).exists()
    assert rows_now() - set(early.values_list("id", "status", "due_at")) == before
    assert problems() == []


def test_who_sees_the_agreement_and_who_is_responsible_stay_as_an_import_set_them() -> None:
    Team.objects.create(slug="legal", name="Legal")
    create_agreement(as_of=BEGIN)
    changed = obligation(title="Renamed", responsible=["team:legal"])
    value = document("supply", changed, visibility="teams", teams=["legal"])
    batch = imported(value, mode=ImportMode.UPDATE)
    assert "obligations are undone" in effect_of(batch)
    assert "visibility and responsibilities stay" in ImportPurgeForm.advice
    purge(batch)
    agreement = Agreement.objects.get()
    assert agreement.visibility == "teams"
    assert [each.slug for each in agreement.teams.all()] == ["legal"]
    [stored] = agreement.obligations.all()
    assert stored.title != "Renamed"
    assert [each.team.slug for each in stored.responsibilities.all() if each.team] == ["legal"]
