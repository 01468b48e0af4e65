"""Seals are mailed to their archive, and the findings of a check to the administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from compliance import delivery
from compliance.models import Seal, User
from compliance.models.system.jobs import Problem
from compliance.operations.integrity import seals
from tests.delivery.conftest import NOW, Desk, Sink

pytestmark = pytest.mark.django_db

NOTARY = "notary@example.org"


def text(sink: Sink, number: int = 0) -> str:
    """Return the text of a received email."""
    return str(sink.received[number].get_content())


def test_each_seal_is_mailed_once_with_everything_needed_to_check_it(
    desk: Desk, sink: Sink, settings: Any
) -> None:
    settings.SEAL_EMAIL = NOTARY
    desk.deadline(desk.agreement())
    first = seals.seal(as_of=NOW)
    second = seals.seal(as_of=NOW + timedelta(days=1))
    assert first is not None
    assert second is not None
    assert delivery.mail_seals(as_of=NOW + timedelta(days=1)) == 2
    assert delivery.mail_seals(as_of=NOW + timedelta(days=1)) == 0
    assert sink.recipients == [NOTARY, NOTARY]
    for number, each in enumerate((first, second)):
        root = each.root.hex()
        assert f"verify_ledger --root {root}" in text(sink, number)
        assert each.hash.hex() in text(sink, number)
        assert root[:16] in sink.subjects[number]
    assert len({str(mail["Message-ID"]) for mail in sink.received}) == 2


def test_a_deferred_seal_is_mailed_at_the_next_tick(desk: Desk, sink: Sink, settings: Any) -> None:
    settings.SEAL_EMAIL = NOTARY
    seals.seal(as_of=NOW)
    sink.answers = lambda number: "451 Later" if number == 1 else "250 OK"
    assert delivery.mail_seals(as_of=NOW) == 0
    assert Seal.objects.get().mailed_at is None
    assert delivery.mail_seals(as_of=NOW + timedelta(hours=1)) == 1
    assert Seal.objects.get().mailed_at == NOW + timedelta(hours=1)
    assert sink.received[0]["Message-ID"] == sink.received[1]["Message-ID"]


def test_seals_are_not_mailed_without_an_address(desk: Desk, sink: Sink, settings: Any) -> None:
    settings.SEAL_EMAIL = None
    seals.seal(as_of=NOW)
    assert delivery.mail_seals(as_of=NOW) == 0
    assert sink.received == []
    assert Seal.objects.get().mailed_at is None


def test_problems_found_by_a_check_are_mailed_only_to_administrators(
    desk: Desk, sink: Sink
) -> None:
    User.objects.create_superuser("ana@example.org", "secret")
    User.objects.create_superuser("gone@example.org", "secret", is_active=False)
    User.objects.create_user("lee@example.org", "secret")
    problems: list[Problem] = [
        {"about": "compliance_fact", "id": number, "detail": f"It was changed,\nrow {number}."}
        for number in range(1, 31)
    ]
    check = seals.record_check(
        started_at=NOW, ended_at=NOW, deadlines=1, facts=2, entries=3, problems=problems
    )
    assert delivery.mail_check(check) == 1
    assert sink.recipients == ["ana@example.org"]
    assert "30 rows" in sink.subjects[0]
    assert "compliance_fact 1: It was changed, row 1." in text(sink)
    assert "and 10 more" in text(sink)
