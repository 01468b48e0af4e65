"""The overview page."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import (
    Breach,
    Deadline,
    JobRun,
    Outage,
    RecomputedDeadline,
)
from compliance.operations.deadlines import sweep
from tests.admin.pages import address
from tests.samples import create_agreement, obligation


def test_audit_problems_and_outages_are_shown_on_the_overview(
    browser: Client, missed: Deadline
) -> None:
    now = timezone.now()
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first

    breach = Breach.objects.get()
    problem = {"about": "breach", "id": breach.pk, "detail": "ana <b> has no alert about it."}
    ran = {"kind": "audit", "as_of": now, "started_at": now, "ended_at": now}
    counts = {"breaches": 1, "alerts": 0}
    audit = JobRun.objects.create(**ran, counts=counts, problems=[problem])
    Outage.objects.create(part="sweep", began_at=now - timedelta(hours=3), notified_at=now)
    Outage.objects.create(part="broker", began_at=now, notified_at=now, ended_at=now)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" in first
    assert "sweep down" in first
    assert "The sweep has stopped" in first
    assert "broker down" not in first

    page = browser.get(address("jobrun", "change", audit.pk)).content.decode()
    assert "ana &lt;b&gt; has no alert about it." in page
    assert address("breach", "change", breach.pk) in page

    later = now + timedelta(minutes=5)
    JobRun.objects.create(**{**ran, "ended_at": later}, counts=counts)
    first = browser.get(reverse("admin:index")).content.decode()
    assert "found by the last audit" not in first


def test_the_overview_shows_the_most_severe_breaches_first_and_what_is_due_soon(
    browser: Client,
) -> None:
    now = timezone.now()
    day = timedelta(days=1)
    create_agreement(
        obligation(ref="old", due_on=str((now - 90 * day).date())),
        obligation(ref="grave", due_on=str((now - 9 * day).date()), severity="critical"),
        obligation(ref="soon", due_on=str((now + 9 * day).date())),
        obligation(ref="far", due_on=str((now + 90 * day).date())),
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
    JobRun.objects.filter(kind="sweep").update(ended_at=timezone.now() - timedelta(hours=2))

    page = browser.get(reverse("admin:index"))

    assert not page.context["sweep_is_alive"]
    assert warning in page.content.decode()


def test_failed_recomputations_are_shown_on_the_overview(browser: Client) -> None:
    deadline = create_agreement()
    now = timezone.now()
    run = JobRun.objects.create(
        kind="recomputation",
        as_of=now,
        started_at=now,
        ended_at=now,
        parameters={"data_version": "x", "horizon": str(now.date())},
        counts={"examined": 1, "moved": 0, "failed": 1},
    )
    RecomputedDeadline.objects.create(
        run=run,
        deadline=deadline,
        from_due_at=deadline.due_at,
        to_due_at=deadline.due_at,
        problem="No business day.",
    )

    page = browser.get("/admin/").content.decode()

    assert "due date could not be recomputed" in page
    assert "attention=not_recomputed" in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "No business day." in page
    assert Deadline.objects.exists()


def test_job_runs_of_one_kind_are_listed_with_their_counts_and_problems(browser: Client) -> None:
    now = timezone.now()
    ran = {"as_of": now, "started_at": now, "ended_at": now}
    problem = {"about": "compliance_fact", "id": 7, "detail": "It was <b> changed."}
    check = JobRun.objects.create(
        kind="ledger_check",
        counts={"deadlines": 1_234, "facts": 2, "entries": 3},
        problems=[problem],
        **ran,
    )
    JobRun.objects.create(kind="audit", counts={"breaches": 4, "alerts": 5}, **ran)
    JobRun.objects.create(kind="sweep", as_of=now, started_at=now)

    page = browser.get(address("jobrun", "changelist")).content.decode()
    assert "4 open breaches, 5 pending alerts" in page
    assert "not finished" in page
    checks = {"kind__exact": "ledger_check"}
    page = browser.get(address("jobrun", "changelist"), checks).content.decode()
    assert "1,234 deadlines, 2 facts, 3 ledger entries" in page
    assert "1 problem" in page
    assert "open breaches" not in page
    page = browser.get(address("jobrun", "change", check.pk)).content.decode()
    assert "compliance_fact 7: It was &lt;b&gt; changed." in page
