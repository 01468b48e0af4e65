"""Evidence files: which are stored, which are refused, and how they are served."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from compliance.models import EvidenceFile, User
from compliance.queries.evidence.evidence import damaged_files
from tests.api.answers import BASE, get, patch, post, rows
from tests.api.conftest import client_of
from tests.samples import create_agreement, deadline_of, record, utc
from tests.shared_worlds import in_one_world

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The folder of stored files in this test."""
    settings.FILES_DIR = tmp_path / "files"
    settings.LARGEST_FILE = 100_000
    return tmp_path / "files"


@pytest.fixture
def evidence(api: Client, folder: Path) -> int:
    """A piece of evidence without a file."""
    create_agreement(as_of=utc("2026-03-01T00:00"))
    row = post(
        api,
        "evidence/",
        {"agreement": "supply", "ref": "E1", "title": "Customs record", "kind": "document",
         "stance": "for", "obligations": ["O-1"]},
    )  # fmt: skip
    return int(row["id"])


def upload(client: Client, evidence: int, name: str, content: bytes) -> Any:
    file = SimpleUploadedFile(name, content)
    # Django sanitizes the name, so the original is set again.
    file._name = name  # type: ignore[attr-defined]
    return client.post(f"{BASE}evidence/{evidence}/files/", {"file": file})


def stored_files(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()] if folder.exists() else []


def test_a_file_is_stored_with_its_hash_and_served_unchanged(
    api: Client, desk: User, evidence: int, folder: Path
) -> None:
    response = upload(api, evidence, "Zollbeleg März.pdf", PDF)
    assert response.status_code == 201, response.content
    row = response.json()
    assert row == {
        "revision": 1,
        "name": "Zollbeleg März.pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
        "sha256": sha256(PDF).hexdigest(),
        "recorded_at": row["recorded_at"],
        "recorded_by": desk.email,
    }
    assert get(api, f"evidence/{evidence}/")["files"] == [row]
    served = api.get(response["Location"], headers={"Accept": "application/pdf"})
    assert b"".join(served.streaming_content) == PDF  # type: ignore[attr-defined]
    assert served["Content-Type"] == "application/pdf"
    assert served["Content-Disposition"].startswith("attachment; filename")
    assert "Zollbeleg%20M%C3%A4rz.pdf" in served["Content-Disposition"]
    assert served["X-Content-Type-Options"] == "nosniff"
    policy = "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert served["Content-Security-Policy"] == policy
    assert served["Cache-Control"] == "no-store"
    assert served["ETag"] == f'"{row["sha256"]}"'
    assert [path.read_bytes() for path in stored_files(folder)] == [PDF]


def test_a_better_copy_is_a_new_revision(api: Client, evidence: int, folder: Path) -> None:
    upload(api, evidence, "a.png", PNG)
    upload(api, evidence, "a.pdf", PDF)
    upload(api, evidence, "again.png", PNG)
    files = get(api, f"evidence/{evidence}/files/")["results"]
    assert [(each["revision"], each["name"]) for each in files] == [
        (1, "a.png"), (2, "a.pdf"), (3, "again.png"),
    ]  # fmt: skip
    # Identical files are stored once.
    assert len(stored_files(folder)) == 2
    first = api.get(f"{BASE}evidence/{evidence}/files/1/")
    assert b"".join(first.streaming_content) == PNG  # type: ignore[attr-defined]


def zip_bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(10_000_000))
    return packed.getvalue()


@in_one_world(
    ("name", "content"),
    [
        ("bomb.pdf", zip_bomb()),
        ("bomb.zip", zip_bomb()),
        ("page.html", b"<script>alert(1)</script>"),
        ("page.svg", b"<svg onload='alert(1)'/>"),
        ("page.pdf", b"<html><script>alert(1)</script></html>"),
        ("page.png", b"<html><script>alert(1)</script></html>"),
        ("letter.txt", b"\xff\xfe\x00bad"),
        ("letter.txt", b"text\x00more"),
        ("letter.txt", b"a" * 9 + b"\xc3"),
        ("empty.pdf", b""),
        ("large.txt", b"a" * 100_001),
        ("noending", PDF),
        ("pdf", PDF),
        (".pdf", PDF),
        ("CON.pdf", PDF),
        ("a:b.pdf", PDF),
        ("a" * 200 + ".pdf", PDF),
    ],
)
def test_an_unacceptable_file_is_refused_and_stores_nothing(
    api: Client, evidence: int, folder: Path, name: str, content: bytes
) -> None:
    response = upload(api, evidence, name, content)
    assert response.status_code in {400, 413}, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert not EvidenceFile.objects.exists()
    assert stored_files(folder) == []


@in_one_world("name", ["evil\u202efdp.pdf", "a\nb.pdf", "a\x00b.pdf"])
def test_hidden_characters_are_removed_from_file_names(
    api: Client, evidence: int, folder: Path, name: str
) -> None:
    response = upload(api, evidence, name, PDF)
    if response.status_code == 201:
        assert response.json()["name"].isprintable()
    else:
        assert response.status_code == 400


@in_one_world("name", ["../../etc/passwd.pdf", "C:\\evil\\x.pdf", "/etc/cron.d/x.pdf"])
def test_path_components_are_removed_from_file_names(
    api: Client, evidence: int, folder: Path, name: str
) -> None:
    response = upload(api, evidence, name, PDF)
    if response.status_code == 201:
        assert response.json()["name"] in {"passwd.pdf", "x.pdf"}
        [path] = stored_files(folder)
        assert path == folder / sha256(PDF).hexdigest()[:2] / sha256(PDF).hexdigest()
    else:
        assert response.status_code == 400
        assert stored_files(folder) == []


def test_html_uploaded_as_text_is_served_as_text(api: Client, evidence: int) -> None:
    response = upload(api, evidence, "page.txt", b"<script>alert(1)</script>")
    served = api.get(response["Location"])
    assert served["Content-Type"].startswith("text/plain")
    assert served["Content-Disposition"].startswith("attachment")
    assert served["X-Content-Type-Options"] == "nosniff"


def test_an_upload_announced_as_two_gigabytes_is_refused_unread(
    api: Client, evidence: int, folder: Path
) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            sentence = "The body was read."
            raise AssertionError(sentence)

    announced: dict[str, Any] = {"CONTENT_LENGTH": str(2 * 2**30), "wsgi.input": Unread()}
    response = api.generic(
        "POST",
        f"{BASE}evidence/{evidence}/files/",
        b"--x",
        content_type="multipart/form-data; boundary=x",
        **announced,
    )
    assert response.status_code == 413, response.content
    assert stored_files(folder) == []


@in_one_world(
    "form",
    [
        {},
        {"file": "words"},
        {"document": SimpleUploadedFile("a.pdf", PDF)},
        {"file": SimpleUploadedFile("a.pdf", PDF), "more": "x"},
        {"file": [SimpleUploadedFile("a.pdf", PDF), SimpleUploadedFile("b.pdf", PDF)]},
    ],
)
def test_a_form_must_contain_exactly_one_file(
    api: Client, evidence: int, folder: Path, form: dict[str, Any]
) -> None:
    for value in form.values():
        for each in value if isinstance(value, list) else [value]:
            if hasattr(each, "seek"):
                each.seek(0)
    response = api.post(f"{BASE}evidence/{evidence}/files/", form)
    assert response.status_code == 400, response.content
    assert stored_files(folder) == []


def test_json_is_refused_as_an_upload(api: Client, evidence: int) -> None:
    post(api, f"evidence/{evidence}/files/", {"file": "x"}, 415)


def test_stored_files_cannot_be_changed_or_guessed(api: Client, evidence: int) -> None:
    upload(api, evidence, "a.pdf", PDF)
    for path in (f"evidence/{evidence}/files/2/", f"evidence/{evidence + 1}/files/1/"):
        get(api, path, 404)
    get(api, f"evidence/{evidence + 1}/files/", 404)
    patch(api, f"evidence/{evidence}/files/1/", {"name": "b.pdf"}, 405)


def test_files_need_the_permission_to_view_evidence(api: Client, evidence: int) -> None:
    upload(api, evidence, "a.pdf", PDF)
    stranger = client_of(User.objects.create_user("stranger@example.org", "x"))
    assert Client().get(f"{BASE}evidence/{evidence}/files/1/").status_code == 401
    get(stranger, f"evidence/{evidence}/files/1/", 403)
    assert upload(stranger, evidence, "b.pdf", PDF).status_code == 403


def test_a_file_changed_on_disk_is_detected(api: Client, evidence: int, folder: Path) -> None:
    upload(api, evidence, "a.pdf", PDF)
    assert list(damaged_files()) == []
    [path] = stored_files(folder)
    path.write_bytes(PDF + b"more")
    assert [each.name for each in damaged_files()] == ["a.pdf"]
    path.unlink()
    assert [each.name for each in damaged_files()] == ["a.pdf"]


def look(api: Client, ref: str, day: str, **more: Any) -> Any:
    return post(
        api,
        "evidence/",
        {"agreement": "supply", "ref": ref, "title": "Searched the gazette", "kind": "search_log",
         "stance": "against", "published_on": day, **more},
    )  # fmt: skip


def test_a_search_log_marks_the_deadline_as_checked(api: Client, evidence: int) -> None:
    deadline = deadline_of("O-1")
    look(api, "L1", "2026-03-10", obligations=["O-1"])
    assert get(api, f"deadlines/{deadline.pk}/")["verification"] == "unchecked"
    logged = look(api, "L2", "2026-03-16", deadlines=[deadline.pk])
    assert logged["deadlines"] == [deadline.pk]
    assert get(api, f"deadlines/{deadline.pk}/")["verification"] == "checked"
    found = rows(api, "evidence/", deadline=deadline.pk, kind="search_log")
    assert [each["ref"] for each in found] == ["L1", "L2"]
    record(deadline, as_of=utc("2026-04-01T00:00"), type="determination", verdict="not_met",
           on="2026-03-15", note="Neither the gazette nor the customs have it.")  # fmt: skip
    assert get(api, f"deadlines/{deadline.pk}/")["verification"] == "confirmed"


def test_evidence_can_only_name_deadlines_of_its_own_agreement(api: Client, evidence: int) -> None:
    other = create_agreement(ref="other", as_of=utc("2026-03-01T00:00"))
    answer = post(
        api,
        "evidence/",
        {"agreement": "supply", "ref": "L1", "title": "Log", "kind": "search_log",
         "stance": "against",
         "deadlines": [other.pk]},
        400,
    )  # fmt: skip
    assert [each["path"] for each in answer["errors"]] == ["deadlines/0"]


def test_a_full_disk_is_reported_as_such_and_nothing_is_stored(
    api: Client, evidence: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    api.raise_request_exception = False
    answer = upload(api, evidence, "a.pdf", PDF)
    assert answer.status_code == 507
    assert "server's disk is full" in answer.json()["detail"]
    assert not EvidenceFile.objects.exists()
    assert stored_files(folder) == []
