"""The audit detects missing alerts; the outage monitor reports what has stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from compliance import delivery
from compliance.models import JobRun, Outage, User
from compliance.operations.deadlines import sweep
from compliance.operations.system.outages import OutageMonitor
from compliance.queries.system.audit import audit
from compliance.tasks import audit as tick
from tests.samples import create_agreement, obligation, subscribe
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(settings: Any) -> Any:
    """The instant, an hour ago, at which a missed deadline was announced."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    then = timezone.now() - timedelta(hours=1)
    create_agreement(obligation())
    subscribe()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE compliance_subscription SET since = %s", [then])
    sweep.run(as_of=then)
    delivery.deliver(as_of=then)
    mail.outbox.clear()
    return then


def test_the_audit_of_a_healthy_service_finds_nothing(world: Any) -> None:
    found = audit(as_of=timezone.now())
    assert (found.breaches, found.problems) == (1, [])


@in_one_world(
    ("about", "fault"),
    [
        ("breach", "DELETE FROM compliance_alert"),
        ("alert", "UPDATE compliance_alert SET message_id = NULL"),
        ("message", "UPDATE compliance_message SET state = 'waiting', next_attempt_at ="
                    " now() - interval '16 minutes'"),
        ("message", "UPDATE compliance_message SET state = 'waiting', next_attempt_at ="
                    " now() + interval '3 days'"),
        ("breach", "UPDATE compliance_breach SET ended_at = now(), end_reason = 'waived'"),
        ("deadline", "UPDATE compliance_deadline SET status = 'pending', next_check_at = NULL"),
        ("deadline", "UPDATE compliance_deadline SET status = 'pending',"
                     " next_check_at = now() - interval '2 hours'"),
        ("deadline", "UPDATE compliance_deadline SET next_check_at = now() - interval '2 hours'"),
    ],
)  # fmt: skip
def test_each_fault_is_found(world: Any, about: str, fault: str) -> None:
    with connection.cursor() as cursor:
        if fault.startswith("UPDATE compliance_alert"):
            cursor.execute("UPDATE compliance_alert SET not_before = created_at")
        cursor.execute(fault)
    problems = audit(as_of=timezone.now()).problems
    assert about in {each["about"] for each in problems}


def test_a_failed_audit_notifies_administrators_once_and_fails_readiness(
    world: Any, client: Client
) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM compliance_alert")
    for _ in range(3):
        tick()
    assert JobRun.objects.filter(kind="audit").count() == 3
    assert [each.to for each in mail.outbox] == [["admin@example.org"]]
    assert "alerts may be missing" in mail.outbox[0].subject
    body = str(mail.outbox[0].body)
    assert "desk@example.org" in body
    run = JobRun.objects.filter(kind="audit").earliest("id")
    assert f"/admin/compliance/jobrun/{run.pk}/change/" in body


def test_an_outage_and_its_end_are_each_reported_once(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.create_superuser("admin@example.org", "x")
    now = timezone.now()
    first, second = OutageMonitor(), OutageMonitor()
    for watch in (first, second, first):
        watch.update({"sweep"}, as_of=now)
    assert [each.subject for each in mail.outbox] == ["Pacta: the sweep has stopped"]
    for watch in (second, first):
        watch.update(set(), as_of=now + timedelta(minutes=5))
    assert mail.outbox[1].subject == "Pacta: the sweep works again"
    assert len(mail.outbox) == 2
    assert Outage.objects.get().ended_at == now + timedelta(minutes=5)
    assert f"{settings.SITE_URL}/readyz" in str(mail.outbox[0].body)
    first.update({"audit"}, as_of=now)
    assert mail.outbox[2].subject == "Pacta: the alert audit fails"


def test_an_outage_mail_that_was_refused_is_sent_again_at_the_next_check(
    settings: Any,
) -> None:
    User.objects.create_superuser("admin@example.org", "x")
    watch = OutageMonitor()
    now = timezone.now()
    watch.update(set(), as_of=now)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    watch.update({"sweep"}, as_of=now)
    watch.update({"sweep", "database"}, as_of=now)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    watch.update({"sweep", "database"}, as_of=now)
    for _ in range(2):
        watch.update({"sweep"}, as_of=now)
    assert [each.subject for each in mail.outbox] == [
        "Pacta: the database is not responding",
        "Pacta: the sweep has stopped",
    ]


def test_during_a_database_outage_the_last_known_administrators_are_notified_once(
    settings: Any,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    User.objects.create_superuser("admin@example.org", "x")
    watch = OutageMonitor()
    now = timezone.now()
    watch.update(set(), as_of=now)
    watch.update({"database", "sweep"}, as_of=now)
    watch.update({"database", "sweep"}, as_of=now)
    assert [each.subject for each in mail.outbox] == ["Pacta: the database is not responding"]
    watch.update(set(), as_of=now)
    watch.update({"database"}, as_of=now)
    assert len(mail.outbox) == 2


@pytest.mark.django_db(transaction=True)
def test_metrics_contain_figures_but_no_personal_data(client: Client) -> None:
    create_agreement(obligation())
    subscribe()
    now = timezone.now()
    JobRun.objects.create(kind="sweep", as_of=now, started_at=now, ended_at=now)
    text = client.get("/metrics").content.decode()
    assert "pacta_sweep_age_seconds" in text
    assert 'pacta_check{name="sweep"} 1.0' in text
    assert "pacta_audit_problems 0.0" in text
    assert "@" not in text
