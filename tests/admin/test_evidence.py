"""Evidence in the admin."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import (
    Agreement,
    Evidence,
    EvidenceFile,
)
from tests.admin.pages import address, errors
from tests.samples import create_agreement, utc

PDF = b"%PDF-1.7\n%%EOF\n"


@pytest.fixture
def entry(settings: Any, tmp_path: Path, db: None) -> dict[str, Any]:
    """The values that the form of evidence posts."""
    settings.FILES_DIR = tmp_path
    create_agreement(as_of=utc("2026-03-01T00:00"))
    return {
        "agreement": "supply",
        "ref": "E1",
        "title": "Customs record",
        "kind": "document",
        "stance": "for",
        "obligations": "O-1",
        "url": "",
        "quote": "",
        "published_on": "",
        "asserted_by": "",
    }


def test_evidence_is_added_with_its_file(admin_client: Client, entry: dict[str, Any]) -> None:
    file = SimpleUploadedFile("record.pdf", PDF)
    added = admin_client.post(reverse("admin:compliance_evidence_add"), {**entry, "file": file})
    assert added.status_code == 302, added.content
    stored = Evidence.objects.get()
    page = admin_client.get(reverse("admin:compliance_evidence_change", args=(stored.pk,)))
    shown = page.content.decode()
    address = f"/api/v1/evidence/{stored.pk}/files/1/"
    assert f'href="{address}"' in shown
    assert "Revision 1: record.pdf" in shown
    served = admin_client.get(address)
    assert b"".join(served.streaming_content) == PDF  # type: ignore[attr-defined]


def test_a_rejected_file_leaves_no_evidence(
    admin_client: Client, entry: dict[str, Any], tmp_path: Path
) -> None:
    file = SimpleUploadedFile("page.html", b"<script>alert(1)</script>")
    refused = admin_client.post(reverse("admin:compliance_evidence_add"), {**entry, "file": file})
    assert refused.status_code == 200
    assert "Files of this type are not accepted" in refused.content.decode()
    assert not Evidence.objects.exists()
    assert not EvidenceFile.objects.exists()
    assert list(tmp_path.rglob("*")) == []


def test_a_full_disk_leaves_no_evidence(
    admin_client: Client, entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    admin_client.raise_request_exception = False
    file = SimpleUploadedFile("record.pdf", PDF)
    answer = admin_client.post(reverse("admin:compliance_evidence_add"), {**entry, "file": file})
    assert answer.status_code == 507
    assert "disk is full, and nothing was stored" in answer.content.decode()
    assert not Evidence.objects.exists()


def test_evidence_can_be_added_without_a_file(admin_client: Client, entry: dict[str, Any]) -> None:
    added = admin_client.post(reverse("admin:compliance_evidence_add"), entry)
    assert added.status_code == 302, added.content
    stored = Evidence.objects.get()
    page = admin_client.get(reverse("admin:compliance_evidence_change", args=(stored.pk,)))
    assert "Revision" not in page.content.decode()


def test_evidence_is_added_and_never_edited(browser: Client, geneva: Agreement) -> None:
    values = {
        "agreement": "geneva-2025",
        "ref": "E50",
        "title": "A record",
        "kind": "document",
        "stance": "context",
        "obligations": "CN-2d, CN-1",
        "asserted_by": "USA",
    }
    response = browser.post(address("evidence", "add"), values)
    assert response.status_code == 302, errors(response)
    stored = Evidence.objects.get(ref="E50")
    assert [each.ref for each in stored.obligations.order_by("ref")] == ["CN-1", "CN-2d"]

    assert browser.post(address("evidence", "change", stored.pk), values).status_code == 403
    wrong = browser.post(address("evidence", "add"), {**values, "ref": "E51", "obligations": "Z"})
    assert "Z" in " ".join(errors(wrong)["obligations"])
