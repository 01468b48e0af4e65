"""Identical evidence files are stored once, and no failure removes the file of another row."""

from __future__ import annotations

import os
import random
import threading
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from compliance.domain.drafts import read
from compliance.domain.evidence.drafts import EvidenceDraft
from compliance.models import Agreement, Evidence, EvidenceFile
from compliance.models.evidence.evidence import path_of
from compliance.operations.evidence import evidence, files, orphans
from tests.operations.test_concurrency import together
from tests.operations.test_locks import Beside, held, wait_until_blocked
from tests.samples import create_agreement, utc

pytestmark = pytest.mark.django_db(transaction=True)

NOW = utc("2026-03-20T00:00")
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
EVIDENCE = "SELECT FROM compliance_evidence WHERE id = %s FOR NO KEY UPDATE"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.FILES_DIR = tmp_path / "files"
    return tmp_path / "files"


def piece(ref: str) -> Evidence:
    """A piece of evidence without a file."""
    if not Agreement.objects.exists():
        create_agreement()
    draft = {"agreement": "supply", "ref": ref, "title": ref, "kind": "document", "stance": "for"}
    read_draft = read(EvidenceDraft, {k: v for k, v in draft.items() if k != "agreement"})
    return evidence.add(agreement=Agreement.objects.get(), draft=read_draft, by=None, as_of=NOW)


def attach(to: Evidence, content: bytes = PDF) -> EvidenceFile:
    return files.attach(evidence=to, name="a.pdf", pieces=[content], by=None, as_of=NOW)


def stored() -> list[bytes]:
    return [file.path.read_bytes() for file in EvidenceFile.objects.order_by("id")]


def grow_old(path: Path) -> None:
    """Have a file last written long before any instant of these tests."""
    os.utime(path, (0, 0))


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.rglob("*") if each.is_file()}


def cancel_whoever_waits() -> None:
    wait_until_blocked()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )


def test_a_failed_upload_keeps_an_identical_file_stored_meanwhile() -> None:
    first, second = piece("E1"), piece("E2")
    with held(EVIDENCE, second.pk):
        # It has seen that the file is not there yet, and waits.
        failing = Beside(lambda: attach(second))
        wait_until_blocked()
        attach(first)
        cancel_whoever_waits()
        with pytest.raises(OperationalError):
            failing.ended()
    assert stored() == [PDF]


def test_files_without_a_row_are_removed_when_they_are_old(folder: Path) -> None:
    kept = attach(piece("E1")).path
    for path in (old := path_of(sha256(b"old").hexdigest()), new := path_of("ab" * 32)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left behind")
    half, stranger = folder / "new-half", folder / "README"
    for path in (half, stranger):
        path.write_bytes(b"")
    for path in (kept, old, half, stranger):
        grow_old(path)
    os.utime(new, (NOW.timestamp(), NOW.timestamp()))
    assert orphans.remove(as_of=NOW, is_dry_run=True) == [old, half]
    assert old.exists()
    assert orphans.remove(as_of=NOW) == [old, half]
    assert names(folder) == {kept.name, new.name, "README"}
    assert stored() == [PDF]


def test_a_file_in_use_by_an_upload_is_not_removed() -> None:
    content_hash = sha256(PDF).hexdigest()
    orphan = path_of(content_hash)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(PDF)
    grow_old(orphan)
    target = piece("E1")
    found, may_commit = threading.Event(), threading.Event()

    def upload() -> None:
        with transaction.atomic():
            attach(target)
            found.set()
            assert may_commit.wait(timeout=60)

    uploading = Beside(upload)
    assert found.wait(timeout=60)
    assert orphans.remove(as_of=NOW) == []
    may_commit.set()
    uploading.ended()
    assert orphans.remove(as_of=NOW) == []
    assert stored() == [PDF]


def test_concurrent_uploads_failures_and_cleanups_never_lose_a_file() -> None:
    pieces = [piece(f"E{number}") for number in range(4)]
    contents = [PDF + bytes([65 + number]) for number in range(3)]

    def upload(to: Evidence, seed: int) -> None:
        choose = random.Random(seed)
        for _ in range(40):
            fails = choose.random() < 0.5
            try:
                with transaction.atomic():
                    attach(to, choose.choice(contents))
                    if fails:
                        raise InterruptedError
            except InterruptedError:
                pass

    def collect() -> None:
        for _ in range(60):
            orphans.remove(as_of=NOW, older_than=timedelta(days=-36_500))

    together(
        *(lambda to=to, seed=seed: upload(to, seed) for seed, to in enumerate(pieces)),
        collect,
    )
    assert EvidenceFile.objects.count() > 20
    assert set(stored()) <= set(contents)
    orphans.remove(as_of=NOW, older_than=timedelta(days=-36_500))
    assert set(stored()) <= set(contents)


def test_the_command_lists_the_files_that_it_removes(folder: Path, capsys: Any) -> None:
    orphan = path_of("cd" * 32)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left behind")
    grow_old(orphan)
    call_command("remove_orphaned_files", "--dry-run")
    assert "1 file" in capsys.readouterr().out
    assert orphan.exists()
    call_command("remove_orphaned_files")
    assert str(orphan) in capsys.readouterr().out
    assert names(folder) == set()
