"""Writers lock rows in one order, hold none without a transaction, and do not wait forever."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test import Client

from compliance.domain.agreements.drafts import ObligationDraft
from compliance.domain.deadlines.drafts import FactDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Status
from compliance.models import Agreement, Deadline, User
from compliance.models import locks as locking
from compliance.operations.agreements import obligations
from compliance.operations.deadlines import facts, ledger_rows, sweep
from tests.admin.pages import act
from tests.api.answers import BASE
from tests.api.conftest import client_of
from tests.samples import create_agreement, deadline_of, obligation, update_obligation, utc

AFTER = utc("2026-03-20T00:00")
ROOT = Path(__file__).parents[2] / "compliance"


class Beside(threading.Thread):
    """An action that runs concurrently, on its own connection."""

    def __init__(self, action: Any) -> None:
        super().__init__()
        self.action = action
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.action()
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def ended(self) -> None:
        """Wait for the end of the action, and raise its error."""
        self.join(timeout=60)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def wait_until_blocked() -> None:
    """Return as soon as a session waits for a lock."""
    for _ in range(3000):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    pytest.fail("nobody waits")


@contextmanager
def held(statement: str, *parameters: Any) -> Iterator[psycopg.Connection[Any]]:
    """Hold rows as another process would, on a connection unknown to Django."""
    given = connection.settings_dict
    with psycopg.connect(
        host=given["HOST"],
        port=given["PORT"],
        user=given["USER"],
        password=given["PASSWORD"],
        dbname=given["NAME"],
    ) as other:
        other.execute(statement, parameters)
        yield other
        other.rollback()


AGREEMENT = "SELECT FROM compliance_agreement WHERE id = %s FOR NO KEY UPDATE"
DEADLINE = "SELECT FROM compliance_deadline WHERE id = %s FOR NO KEY UPDATE"


def after(ref: str) -> dict[str, Any]:
    return {
        "type": "offset",
        "count": 10,
        "unit": "days",
        "from": {"deadline": ref},
    }


def perform(deadline: Deadline) -> None:
    draft = read(FactDraft, {"type": "performance", "on": "2026-03-10"})
    facts.record(deadline=deadline, draft=draft, by=None, as_of=AFTER)


@pytest.mark.django_db(transaction=True)
def test_locking_needs_a_transaction() -> None:
    deadline = create_agreement()
    for lock in (
        lambda: list(locking.for_update(Agreement.objects.all())),
        lambda: locking.lock_agreement(deadline.agreement_id),
        lambda: locking.lock_agreements([deadline.agreement_id]),
        lambda: locking.lock_deadlines([deadline.pk]),
        lambda: locking.lock_deadline_columns("id", [deadline.pk]),
    ):
        with pytest.raises(RuntimeError):
            lock()


@pytest.mark.django_db(transaction=True)
def test_a_fact_about_a_deadline_with_new_dependents_locks_the_agreement_first() -> None:
    create_agreement(obligation("dependent"), obligation("source"))
    source, dependent = deadline_of("source"), deadline_of("dependent")
    update_obligation(
        obligation("dependent", due=after("source")), as_of=AFTER - timedelta(days=30)
    )
    assert deadline_of("source").has_dependents
    assert not source.has_dependents
    with held(AGREEMENT, source.agreement_id) as other:
        other.execute(DEADLINE, [dependent.pk])
        recording = Beside(lambda: perform(source))
        wait_until_blocked()
        # The holder of the agreement can lock all of its deadlines.
        other.execute("SET LOCAL lock_timeout = '5s'")
        other.execute(DEADLINE, [source.pk])
    recording.ended()
    assert deadline_of("source").status == Status.MET


@pytest.mark.django_db
def test_has_dependents_is_reset_with_the_last_dependent() -> None:
    create_agreement(obligation("source"), obligation("dependent", due=after("source")))
    assert deadline_of("source").has_dependents
    update_obligation(obligation("dependent"), as_of=AFTER)
    assert not deadline_of("source").has_dependents
    assert deadline_of("dependent").due_on == deadline_of("source").due_on


@pytest.mark.django_db
def test_has_dependents_stays_set_while_one_dependent_remains() -> None:
    create_agreement(
        obligation("source"),
        obligation("first", due=after("source")),
        obligation("second", due=after("source")),
    )
    update_obligation(obligation("first"), as_of=AFTER)
    assert deadline_of("source").has_dependents


@pytest.mark.django_db(transaction=True)
def test_a_dependent_added_during_a_sweep_sees_the_outcome_of_the_sweep() -> None:
    create_agreement(obligation("source"))
    on_breach = {"type": "trigger", "on": {"breach_of": "source"}, "then": _within_ten_days()}

    def enter() -> None:
        draft = read(ObligationDraft, obligation("dependent", due=on_breach))
        obligations.create(agreement=Agreement.objects.get(), draft=draft, as_of=AFTER)

    with transaction.atomic():
        # Of the same rows, in the same way, as a sweep that has not come to its commit yet.
        sweep.run(as_of=AFTER)
        entering = Beside(enter)
        wait_until_blocked()
    entering.ended()
    assert deadline_of("source").status == Status.UNMET
    assert deadline_of("dependent").due_on is not None


def _within_ten_days() -> dict[str, Any]:
    return {"type": "offset", "count": 10, "unit": "days"}


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_in_the_order_of_their_ids() -> None:
    create_agreement(*(obligation(f"O-{number}") for number in range(20)))
    ids = list(Deadline.objects.order_by("id").values_list("id", flat=True))

    def lock_all(order: list[int]) -> None:
        for _ in range(30):
            with transaction.atomic():
                locking.lock_deadline_columns("id", order)
            with transaction.atomic():
                locking.lock_deadlines(order)

    for each in [Beside(lambda order=order: lock_all(order)) for order in (ids, ids[::-1])]:
        each.ended()


def answer_while_held(
    deadline: Deadline, statement: str, key: int, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """Record a fact while someone else holds a lock; return the response."""
    monkeypatch.setattr(locking, "LOCK_TIMEOUT", timedelta(milliseconds=200))
    client = client_of(User.objects.create_superuser("desk@example.org", "secret"))
    fact = {"deadline": deadline.pk, "type": "performance", "on": "2026-03-10"}
    with held(statement, key):
        return client.post(f"{BASE}facts/", fact, content_type="application/json")


@pytest.mark.django_db(transaction=True)
def test_a_request_that_waits_too_long_for_a_lock_is_refused_with_409(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deadline = create_agreement()
    response = answer_while_held(deadline, AGREEMENT, deadline.agreement_id, monkeypatch)
    assert response.status_code == 409, response.content
    assert response.json()["detail"].endswith("wait a moment, and try again.")
    assert response["Retry-After"] == "1"
    assert not deadline.facts.exists()


@pytest.mark.django_db(transaction=True)
def test_a_request_that_waits_too_long_for_the_ledger_is_refused_with_409(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deadline = create_agreement()
    lock = "SELECT pg_advisory_xact_lock(%s)"
    response = answer_while_held(deadline, lock, ledger_rows._LEDGER_LOCK, monkeypatch)
    assert response.status_code == 409, response.content
    assert not deadline.facts.exists()


@pytest.mark.django_db(transaction=True)
def test_an_admin_page_explains_when_a_change_waits_too_long(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locking, "LOCK_TIMEOUT", timedelta(milliseconds=200))
    deadline = create_agreement()
    client.force_login(User.objects.create_superuser("desk@example.org", "secret"))
    with held(AGREEMENT, deadline.agreement_id):
        response = act(client, deadline, "record_performance", on="2026-03-10")
    assert response.status_code == 409, response.content
    assert b"Someone else is changing the same data." in response.content
    assert not deadline.facts.exists()


@pytest.mark.django_db(transaction=True)
def test_a_what_if_takes_no_locks() -> None:
    deadline = create_agreement(obligation(due={"type": "date", "on": "2027-03-15"}))
    client = client_of(User.objects.create_superuser("desk@example.org", "secret"))
    due = {"type": "date", "on": "2027-06-15"}
    supposed = {"facts": [{"type": "extension", "on": "2026-03-01", "due": due}]}
    with held(AGREEMENT, deadline.agreement_id) as other:
        other.execute(DEADLINE, [deadline.pk])
        address = f"{BASE}deadlines/{deadline.pk}/what-if/"
        response = client.post(address, supposed, content_type="application/json")
    assert response.status_code == 200, response.content


def test_rows_are_locked_in_one_module() -> None:
    """Queues and the last use of a token skip what others hold; all else waits, in one order."""
    pattern = re.compile(r"select_for_update|FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE")
    found = {
        (str(path.relative_to(ROOT)), line.strip())
        for path in ROOT.rglob("*.py")
        for line in path.read_text().splitlines()
        if pattern.search(line) and "migrations" not in path.parts
    }
    elsewhere = {(path, line) for path, line in found if path != "models/locks.py"}
    assert {line for _, line in elsewhere if not re.search("skip.locked", line, re.IGNORECASE)} == (
        set()
    )
    assert {path for path, _ in elsewhere} == {
        "delivery/outbox.py",
        "delivery/proposal_mails.py",
        "models/alerts/formed_messages.py",
        "operations/alerts/alerts.py",
        "operations/deadlines/deadline_rows.py",
        "operations/deadlines/sweep.py",
        "operations/people/passwords.py",
        "operations/people/tokens.py",
    }  # fmt: skip
