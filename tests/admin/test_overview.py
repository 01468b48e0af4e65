"""The overview page."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Audit,
    Breach,
    Deadline,
    Move,
    Outage,
    Recomputation,
    SweepRun,
)
from compliance.operations.deadlines import sweep
from tests.admin.pages import address
from tests.samples import agree, duty


def test_audit_problems_and_outages_are_shown_on_the_overview(
    browser: Client, missed: Deadline
) -> None:
    now = timezone.now()
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first

    breach = Breach.objects.get()
    problem = {"about": "breach", "id": breach.pk, "detail": "ana <b> has no alert about it."}
    audit = Audit.objects.create(
        started_at=now, ended_at=now, breaches=1, alerts=0, problems=[problem]
    )
    Outage.objects.create(part="sweep", began_at=now - timedelta(hours=3), notified_at=now)
    Outage.objects.create(part="broker", began_at=now, notified_at=now, ended_at=now)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" in first
    assert "sweep down" in first
    assert "The sweep has stopped" in first
    assert "broker down" not in first

    page = browser.get(address("audit", "change", audit.pk)).content.decode()
    assert "ana &lt;b&gt; has no alert about it." in page
    assert address("breach", "change", breach.pk) in page

    Audit.objects.create(started_at=now, ended_at=now, breaches=1, alerts=0)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first


def test_the_overview_shows_the_most_severe_breaches_first_and_what_is_due_soon(
    browser: Client,
) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    agree(
        duty(ref="old", due_on=str((now - 90 * day).date())),
        duty(ref="grave", due_on=str((now - 9 * day).date()), severity="critical"),
        duty(ref="soon", due_on=str((now + 9 * day).date())),
        duty(ref="far", due_on=str((now + 90 * day).date())),
        as_of=now,
    )
    context = browser.get(reverse("admin:index")).context

    assert [line["title"] for line in context["unmet"]] == ["Deliver lot grave", "Deliver lot old"]
    assert [line["title"] for line in context["coming"]] == ["Deliver lot soon"]


def test_the_overview_warns_if_the_sweep_has_stopped(browser: Client) -> None:
    warning = "missed deadlines are not being detected"
    assert warning in browser.get(reverse("admin:index")).content.decode()
    sweep.run(as_of=timezone.now())
    assert browser.get(reverse("admin:index")).context["sweep_is_alive"]
    SweepRun.objects.update(ended_at=timezone.now() - timedelta(hours=2))

    page = browser.get(reverse("admin:index"))

    assert not page.context["sweep_is_alive"]
    assert warning in page.content.decode()


def test_failed_recomputations_are_shown_on_the_overview(browser: Client) -> None:
    deadline = agree()
    now = timezone.now()
    run = Recomputation.objects.create(
        as_of=now, started_at=now, ended_at=now, data_version="x", horizon=now.date(), failed=1
    )
    Move.objects.create(
        recomputation=run,
        deadline=deadline,
        from_due_at=deadline.due_at,
        to_due_at=deadline.due_at,
        problem="No business day.",
    )

    page = browser.get("/admin/").content.decode()

    assert "due date could not be recomputed" in page
    assert address("recomputation", "change", run.pk) in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "No business day." in page
    assert Deadline.objects.exists()
