"""A purge removes everything and leaves the proof intact. A forged purge is found."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from compliance.domain.drafts import read
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.domain.integrity.chains import link
from compliance.domain.problems import Invalid
from compliance.models import (
    Agreement,
    Deadline,
    Evidence,
    EvidenceFile,
    Fact,
    ImportBatch,
    LedgerEntry,
    RemovedRows,
    Seal,
    Tombstone,
    User,
)
from compliance.models.append_only import purgeable_models
from compliance.models.evidence.evidence import path_of
from compliance.models.integrity.chains import chained_seal
from compliance.models.integrity.tombstones import chained_tombstone
from compliance.operations.agreements import import_purges
from compliance.operations.deadlines import sweep
from compliance.operations.evidence import evidence, files
from compliance.operations.integrity import purges, seals
from compliance.queries.integrity import tampering as integrity
from compliance.queries.integrity.findings import Findings
from tests.operations.example_history import NOW, remember
from tests.samples import (
    create_agreement,
    obligation,
    record,
    state_position,
    subscribe,
    utc,
)
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LATER = NOW + DAY


def purge(ref: str, as_of: datetime = LATER) -> Tombstone:
    agreement = Agreement.objects.get(ref=ref)
    return purges.purge_agreement(agreement=agreement, reason="Wrong", by=None, as_of=as_of)


def check() -> Findings:
    return integrity.check(as_of=LATER, every_seal=True)


def run(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@contextmanager
def without_triggers(*statements: str) -> Iterator[None]:
    """Run statements as the owner of the database may, and roll everything back afterwards.

    Triggers and foreign keys are off while they run.
    """
    with transaction.atomic():
        run("SET LOCAL session_replication_role = replica")
        for each in statements:
            run(each)
        run("SET LOCAL session_replication_role = origin")
        yield
        transaction.set_rollback(True)


def make_history(source: random.Random) -> list[str]:
    """Store some agreements with random facts, positions, evidence and seals."""
    subscribe()
    refs = [f"a-{number}" for number in range(source.randint(2, 4))]
    day = utc("2026-02-01T00:00")
    deadlines: list[Deadline] = []
    for ref in refs:
        parts = [
            obligation(f"O-{n}", f"2026-0{source.randint(3, 6)}-1{n}")
            for n in range(source.randint(1, 3))
        ]
        create_agreement(*parts, ref=ref, as_of=day)
        deadlines += Agreement.objects.get(ref=ref).deadlines.all()
    for _ in range(source.randint(1, 12)):
        day += timedelta(hours=source.randint(6, 500))
        on = day.date().isoformat()
        deadline = source.choice(deadlines)
        match source.randint(0, 4):
            case 0:
                record(deadline, as_of=day, type="performance", on=on)
            case 1:
                due = {"type": "date", "on": "2026-07-15"}
                record(deadline, as_of=day, type="extension", on=on, due=due)
            case 2:
                state_position(deadline, as_of=day, party="CHN", verdict="met", on=on)
            case 3:
                sweep.run(as_of=day)
            case _:
                seals.seal(as_of=day)
    return refs


@pytest.mark.parametrize(
    "seed",
    [pytest.param(seed, marks=() if seed < 1 else pytest.mark.exhaustive) for seed in range(12)],
)
def test_after_purging_any_agreement_the_ledger_is_clean_with_a_visible_gap(seed: int) -> None:
    source = random.Random(seed)
    refs = make_history(source)
    for ref in source.sample(refs, source.randint(1, len(refs))):
        tombstone = purge(ref)
        found = check()
        assert found.bad_rows == []
        assert f"agreement {ref} was purged" in found.gaps[-1]
        assert tombstone.counts["compliance_agreement"] == 1
        if source.random() < 0.5:
            seals.seal(as_of=NOW + timedelta(days=tombstone.pk))
            assert check().bad_rows == []


def test_every_append_only_table_of_an_agreement_can_be_purged() -> None:
    purgeable = set(purgeable_models())
    owned: set[type[Model]] = {Agreement}
    while (
        more := {model for model, field in purges._references() if field.related_model in owned}
        - owned
    ):
        owned |= more
    for model in owned - purgeable:
        names = [each.name for each in getattr(model._meta, "triggers", ())]
        assert "append_only" not in names, f"use append_only_but_purgeable() in {model}"


def test_nothing_of_a_purged_agreement_remains_in_any_table() -> None:
    remember()
    create_agreement(ref="kept")
    agreement = Agreement.objects.get(ref="supply")
    subscribe(agreement=agreement)
    ids = purges.owned_rows({Agreement: {agreement.pk}})
    purge("supply")
    for model in apps.get_app_config("compliance").get_models(include_auto_created=True):
        manager: Any = model._base_manager
        if model in ids:
            assert not manager.filter(pk__in=ids[model]).exists(), model
        for field in model._meta.concrete_fields:
            if field.remote_field is not None and field.related_model in ids:
                gone = ids[field.related_model]
                found = manager.filter(**{f"{field.attname}__in": gone})
                assert not found.exists(), (model, field)
    assert list(Agreement.objects.values_list("ref", flat=True)) == ["kept"]
    assert Deadline.objects.count() == 1


def test_the_tombstone_holds_the_hash_of_every_removed_fact_and_ledger_entry() -> None:
    remember()
    hashes = {
        *(bytes(value or b"") for value in Fact.objects.values_list("hash", flat=True)),
        *(bytes(value or b"") for value in LedgerEntry.objects.values_list("hash", flat=True)),
    }
    purge("supply")
    kept = {bytes(value) for each in RemovedRows.objects.all() for value in each.hashes}
    assert hashes <= kept


def test_a_file_that_other_evidence_shares_is_kept(
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    fields = {"ref": "E1", "title": "Record", "kind": "document", "stance": "for"}
    for ref in ("first", "second"):
        create_agreement(ref=ref)
        stored = evidence.add(
            agreement=Agreement.objects.get(ref=ref),
            draft=read(EvidenceDraft, fields),
            by=None,
            as_of=NOW,
        )
        pieces = [b"shared by both"]
        files.attach(evidence=stored, name="a.txt", pieces=pieces, by=None, as_of=NOW)
    path = path_of(EvidenceFile.objects.values_list("sha256", flat=True)[0])
    for ref, remains in (("first", True), ("second", False)):
        with django_capture_on_commit_callbacks(execute=True):
            purge(ref)
        assert path.exists() is remains
    assert Evidence.objects.count() == 0


@pytest.fixture
def purged_other(db: None) -> None:
    """Rows of every append-only table, and the tombstone of another agreement."""
    deadline = remember()[0]
    state_position(deadline, as_of=NOW, party="CHN", verdict="met", on="2026-07-01")
    stored = evidence.by_ref(deadline.agreement, ["E0"])[0]
    files.attach(evidence=stored, name="a.txt", pieces=[b"text"], by=None, as_of=NOW)
    create_agreement(ref="other")
    purge("other")


@in_one_world("table", ["fact", "ledgerentry", "evidence", "position", "evidencefile"])
def test_without_a_tombstone_of_the_same_transaction_no_row_can_be_removed(
    purged_other: None, table: str
) -> None:
    with pytest.raises(DatabaseError, match="Cannot delete rows"), transaction.atomic():
        run(f"DELETE FROM compliance_{table}")


ROWS_OF_AN_AGREEMENT = (
    "DELETE FROM compliance_ledgerentry WHERE deadline_id IN (SELECT id FROM compliance_deadline"
    " WHERE agreement_id = {pk})",
    "DELETE FROM compliance_fact WHERE agreement_id = {pk} OR deadline_id IN"
    " (SELECT id FROM compliance_deadline WHERE agreement_id = {pk})",
    "DELETE FROM compliance_deadline WHERE agreement_id = {pk}",
    "DELETE FROM compliance_obligation WHERE agreement_id = {pk}",
    "DELETE FROM compliance_agreement WHERE id = {pk}",
)


# Rows that were never sealed are missed only through the change history.
@pytest.mark.parametrize(
    ("is_sealed", "keeps_history"), [(True, True), (True, False), (False, True)]
)
def test_rows_that_were_removed_without_a_purge_are_found(
    is_sealed: bool, keeps_history: bool
) -> None:
    remember()
    if is_sealed:
        seals.seal(as_of=NOW)
    pk = Agreement.objects.get().pk
    statements = [each.format(pk=pk) for each in ROWS_OF_AN_AGREEMENT]
    if not keeps_history:
        statements += [
            "DELETE FROM compliance_agreementevent",
            "DELETE FROM compliance_obligationevent",
        ]
    with without_triggers(*statements):
        assert check().bad > 0
    assert check().bad == 0


def forged_tombstone(pk: int, ref: str, removed: list[RemovedRows], signature: bytes) -> None:
    """Write a tombstone as Pacta does, but without its key."""
    last = Tombstone.objects.order_by("-id").first()
    tombstone = Tombstone(
        id=(last.pk if last else 0) + 1,
        subject="agreement",
        subject_id=pk,
        ref=ref,
        reason="Forged",
        purged_at=LATER,
        counts={"compliance_agreement": 1},
        transaction_id=1,
        signature=signature,
    )
    for number, each in enumerate(removed, 1):
        each.tombstone_id, each.pk = tombstone.pk, 10_000 + number
    before = bytes(last.hash) if last else None
    tombstone.hash = link(before, chained_tombstone(tombstone, removed))
    tombstone.save(force_insert=True)
    RemovedRows.objects.bulk_create(removed)


def chains_of(agreement: Agreement) -> list[RemovedRows]:
    found = []
    for deadline in agreement.deadlines.all():
        facts = list(Fact.objects.filter(deadline=deadline).order_by("id"))
        entries = list(
            LedgerEntry.objects.filter(deadline=deadline).order_by("recorded_at", "effective_at")
        )
        rows: list[tuple[str, list[Any]]] = [
            ("compliance_fact", facts),
            ("compliance_ledgerentry", entries),
        ]
        found += [
            RemovedRows(
                table_name=table,
                chain="deadline_id",
                key=deadline.pk,
                ids=[each.pk for each in some],
                hashes=[bytes(each.hash) for each in some],
            )
            for table, some in rows
            if some
        ]
    return found


@pytest.mark.parametrize("is_sealed_afterwards", [False, True])
def test_a_tombstone_written_in_sql_is_found_even_if_all_of_its_hashes_are_right(
    is_sealed_afterwards: bool,
) -> None:
    create_agreement(ref="first")
    create_agreement(ref="victim")
    seals.seal(as_of=NOW)
    purge("first")
    genuine = bytes(Tombstone.objects.get().signature)
    agreement = Agreement.objects.get(ref="victim")
    removed = chains_of(agreement)
    statements = [each.format(pk=agreement.pk) for each in ROWS_OF_AN_AGREEMENT]
    with without_triggers(
        *statements,
        "DELETE FROM compliance_agreementevent",
        "DELETE FROM compliance_obligationevent",
    ):
        forged_tombstone(agreement.pk, "victim", removed, genuine)
        if is_sealed_afterwards:
            seals.seal(as_of=NOW + DAY)
        problems = [str(each) for each in check().bad_rows]
        assert any("not signed" in each for each in problems), problems
        assert any("compliance_seal" in each for each in problems)


@pytest.mark.parametrize("is_sealed_afterwards", [False, True])
def test_a_seal_written_in_sql_does_not_vouch_for_a_tombstone(is_sealed_afterwards: bool) -> None:
    create_agreement(ref="kept")
    create_agreement(ref="victim")
    genuine = seals.seal(as_of=NOW)
    assert genuine is not None
    agreement = Agreement.objects.get(ref="victim")
    removed = chains_of(agreement)
    statements = [each.format(pk=agreement.pk) for each in ROWS_OF_AN_AGREEMENT]
    with without_triggers(
        *statements,
        "DELETE FROM compliance_agreementevent WHERE pgh_obj_id = " + str(agreement.pk),
        "DELETE FROM compliance_obligationevent WHERE agreement_id = " + str(agreement.pk),
    ):
        forged_tombstone(agreement.pk, "victim", removed, b"x" * 32)
        tombstone = Tombstone.objects.get()
        forged = seals.seal(as_of=LATER)
        assert forged is not None
        run("SET LOCAL session_replication_role = replica")
        Seal.objects.filter(pk=forged.pk).update(
            last_tombstone_id=tombstone.pk, tombstone_hash=tombstone.hash
        )
        forged.refresh_from_db()
        own = link(bytes(genuine.hash), chained_seal(forged))
        Seal.objects.filter(pk=forged.pk).update(hash=own, signature=genuine.signature)
        run("SET LOCAL session_replication_role = origin")
        if is_sealed_afterwards:
            seals.seal(as_of=LATER + DAY)
        problems = [str(each) for each in check().bad_rows]
        assert any("compliance_tombstone" in each for each in problems), problems
        assert any(f"compliance_seal {forged.pk}: It is signed" in each for each in problems)


def test_a_tombstone_without_a_removal_is_found() -> None:
    create_agreement(ref="first")
    agreement = Agreement.objects.get()
    removed = chains_of(agreement)
    forged_tombstone(agreement.pk, "first", removed, b"x" * 32)
    assert check().bad > 0


@pytest.fixture
def purged(db: None) -> None:
    """The tombstone of an agreement that had been sealed."""
    remember()
    seals.seal(as_of=NOW)
    purge("supply")


@pytest.mark.parametrize("is_sealed_afterwards", [False, True])
@in_one_world(
    "statement",
    [
        "UPDATE compliance_tombstone SET reason = 'Another'",
        "UPDATE compliance_removedrows SET ids = ids[2:], hashes = hashes[2:]",
        "UPDATE compliance_removedrows SET hashes[1] = 'x'",
        "DELETE FROM compliance_removedrows",
        "DELETE FROM compliance_removedrows; DELETE FROM compliance_tombstone",
    ],
)
def test_a_changed_or_removed_tombstone_is_found(
    purged: None, statement: str, is_sealed_afterwards: bool
) -> None:
    if is_sealed_afterwards:
        seals.seal(as_of=NOW + DAY)
    assert check().bad_rows == []
    with without_triggers(statement):
        assert check().bad > 0


def test_tombstones_stay_genuine_when_the_key_changes_after_they_were_sealed(
    settings: Any,
) -> None:
    remember()
    seals.seal(as_of=NOW)
    purge("supply")
    seals.seal(as_of=NOW + DAY)
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "another key"
    [problem] = check().bad_rows
    assert problem.table == "compliance_seal"
    assert "Keep a former key there until the next seal." in problem.detail
    create_agreement(ref="other")
    settings.SECRET_KEY = former
    purge("other")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [former]
    assert check().bad_rows == []
    seals.seal(as_of=NOW + 2 * DAY)
    settings.SECRET_KEY_FALLBACKS = []
    assert check().bad_rows == []


def test_a_purge_that_fails_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    remember()
    user = User.objects.create_user("ana@example.org")

    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(purges, "_remove_events", fail)
    with pytest.raises(RuntimeError):
        purges.purge_agreement(
            agreement=Agreement.objects.get(), reason="Wrong", by=user, as_of=LATER
        )
    assert (Agreement.objects.count(), Tombstone.objects.count()) == (1, 0)
    assert check().bad_rows == []


@pytest.mark.parametrize("is_import", [False, True])
def test_a_replacement_in_another_agreement_is_removed_with_its_successor_once_retracted(
    is_import: bool,
) -> None:
    create_agreement(obligation("N-1", "2026-09-01"), ref="later", as_of=NOW - 60 * DAY)
    missed = create_agreement(obligation("O-1", "2026-03-15"), as_of=NOW - 60 * DAY)
    fact = record(
        missed,
        as_of=NOW - 30 * DAY,
        type="replacement",
        on="2026-03-20",
        successor="N-1",
        successor_agreement="later",
    )

    def remove() -> None:
        if is_import:
            batch = ImportBatch.objects.get(agreement__ref="later")
            import_purges.purge_import(batch=batch, reason="Wrong", by=None, as_of=LATER)
        else:
            purge("later")

    named = f"fact {fact.pk} about O-1 of supply. Retract them first."
    with pytest.raises(Invalid, match=named), transaction.atomic():
        remove()
    record(missed, as_of=NOW - 20 * DAY, type="retraction", supersedes=fact.pk)
    sweep.run(as_of=NOW)
    remove()
    missed.refresh_from_db()
    assert (missed.status, missed.obligation.ref) == ("unmet", "O-1")
    assert not Fact.objects.exists()
    assert not Agreement.objects.filter(ref="later").exists()
    reasons = set(LedgerEntry.objects.filter(deadline=missed).values_list("reason", flat=True))
    assert "replaced" not in reasons
    assert check().is_clean
