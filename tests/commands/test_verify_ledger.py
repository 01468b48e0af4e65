"""The command verify_ledger, and the ticks that seal and check the ledger."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance import tasks
from compliance.models import JobRun, LedgerEntry, Seal, User
from compliance.models.system.jobs import Problem
from compliance.operations.integrity import seals
from compliance.queries.system import health
from config.celery import app
from tests.samples import create_agreement

pytestmark = pytest.mark.django_db


def verify(*arguments: str) -> tuple[int, str, str]:
    """Return the exit status of the command, and what it prints on each stream."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_ledger", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, out.getvalue(), f"{err.getvalue()}{error}"
    return 0, out.getvalue(), err.getvalue()


def tamper() -> LedgerEntry:
    """Change an entry of the ledger with triggers disabled."""
    entry = LedgerEntry.objects.earliest("id")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE compliance_ledgerentry SET due_on = NULL WHERE id = %s", [entry.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    return entry


def test_the_result_of_a_check_is_printed_and_stored() -> None:
    create_agreement()
    seals.seal(as_of=timezone.now())
    status, out, err = verify()
    assert (status, err) == (0, "")
    assert out.startswith("1 deadline, 0 facts, 1 ledger entry and 1 seal checked in ")
    assert out.endswith("Everything is unchanged.\n")
    check = JobRun.objects.get(kind="ledger_check")
    assert check.counts == {"deadlines": 1, "facts": 0, "entries": 1}
    assert check.problems == []


def test_a_bad_row_is_reported_with_exit_status_1() -> None:
    create_agreement()
    entry = tamper()
    status, _, err = verify()
    assert status == 1
    assert f"compliance_ledgerentry {entry.pk}, deadline {entry.deadline_id}: " in err
    assert err.endswith("Changed since recording: 1 row.")
    [problem] = JobRun.objects.get(kind="ledger_check").problems
    assert (problem["about"], problem["id"]) == ("compliance_ledgerentry", entry.pk)


def test_a_mailed_root_is_compared() -> None:
    create_agreement()
    made = seals.seal(as_of=timezone.now())
    assert made is not None
    assert verify("--root", made.root.hex(), "--all-seals")[0] == 0
    status, _, err = verify("--root", "ab" * 32)
    assert (status, "ab" * 32 in err) == (1, True)
    with pytest.raises(CommandError, match="is not a root"):
        call_command("verify_ledger", "--root", "xyz")


def test_ticks_seal_and_check_once_a_day(mailoutbox: list[Any]) -> None:
    create_agreement()
    User.objects.create_superuser("ana@example.org", "secret")
    for _ in range(2):
        tasks.seal()
        tasks.verify_ledger()
    assert (Seal.objects.count(), JobRun.objects.filter(kind="ledger_check").count()) == (1, 1)
    assert mailoutbox == []


def test_findings_of_the_daily_check_are_mailed_once(mailoutbox: list[Any]) -> None:
    create_agreement()
    User.objects.create_superuser("ana@example.org", "secret")
    entry = tamper()
    for _ in range(2):
        tasks.verify_ledger()
    [mail] = mailoutbox
    assert mail.to == ["ana@example.org"]
    assert f"compliance_ledgerentry {entry.pk}" in mail.body


def test_both_ticks_are_scheduled_on_the_recompute_queue() -> None:
    scheduled = {each["task"] for each in app.conf.beat_schedule.values()}
    for name in ("seal", "verify_ledger"):
        task = f"compliance.tasks.{name}"
        assert task in scheduled
        assert app.conf.task_routes[task] == {"queue": "recompute"}


@pytest.mark.django_db(transaction=True)
def test_the_readiness_page_shows_the_findings_of_the_last_check() -> None:
    now = timezone.now()

    def record_check(*problems: Problem) -> None:
        seals.record_check(
            started_at=now, ended_at=now, deadlines=1, facts=1, entries=1, problems=problems
        )

    assert health.readiness(as_of=now)["ledger"].figure == {
        "last_checked_seconds_ago": None,
        "bad_rows": 0,
    }
    record_check({"about": "compliance_fact", "id": 1, "detail": "It was changed."})
    shown = Client().get("/readyz").json()["checks"]["ledger"]
    assert (shown["state"], shown["bad_rows"]) == ("ok", 1)
    assert "verify_ledger" in shown["warning"]
    record_check()
    assert "warning" not in health.readiness(as_of=now)["ledger"].figure
