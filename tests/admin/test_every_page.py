"""Every page of the admin opens, with a number of queries that does not depend on the data."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core.checks import run_checks
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from compliance.domain.drafts import read
from compliance.domain.due_dates.drafts import CustomCalendarDraft
from compliance.models import (
    Agreement,
    Alert,
    AuditEntry,
    CalendarFeed,
    Deadline,
    DeliveryAttempt,
    Fact,
    JobRun,
    Message,
    Outage,
    Party,
    Proposal,
    RecomputedDeadline,
    Silence,
    Subscription,
    Team,
    User,
    Webhook,
)
from compliance.models.system.jobs import Problem
from compliance.operations.deadlines import recomputation, sweep
from compliance.operations.due_dates import calendars
from compliance.operations.integrity import purges, seals
from compliance.operations.people.tokens import create_token
from tests.admin.pages import address
from tests.samples import create_agreement, obligation, record, state_position, subscribe, utc

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
READ_ONLY = {
    "Alert",
    "AuditEntry",
    "Breach",
    "Deadline",
    "Fact",
    "ImportBatch",
    "LedgerEntry",
    "Message",
    "Obligation",
    "Outage",
    "Position",
    "JobRun",
    "Proposal",
    "Seal",
    "Tombstone",
}
# Users see only their own rows, and those of the jobs and purges only as administrators.
OWN = {"ApiToken", "CalendarFeed", "JobRun", "Subscription", "Tombstone", "Webhook"}  # fmt: skip
MOST_QUERIES = 45


def fill(ref: str, count: int) -> Agreement:
    """Create an agreement with `count` missed obligations and every kind of related row."""
    evidence = [
        {"ref": f"E{number}", "title": "x", "kind": "document", "stance": "for",
         "obligations": [f"O-{number}"]}
        for number in range(count)
    ]  # fmt: skip
    duties = [
        obligation(
            ref=f"O-{number}",
            facts=[{"type": "performance", "on": "2026-04-01", "evidence": [f"E{number}"]}],
            positions=[{"party": "CHN", "verdict": "met", "on": "2026-04-01"}],
        )
        for number in range(count)
    ]
    deadline = create_agreement(*duties, ref=ref, as_of=utc("2026-05-01T00:00"), evidence=evidence)
    agreement = deadline.agreement
    for each in agreement.deadlines.all():
        message = Message.objects.create(
            email="ana@example.org",
            agreement=agreement,
            message_id=f"<{each.pk}@pacta>",
            created_at=timezone.now(),
            next_attempt_at=timezone.now(),
        )
        DeliveryAttempt.objects.create(
            message=message, started_at=timezone.now(), ended_at=timezone.now(), outcome="deferred"
        )
        Alert.objects.create(
            deadline=each,
            agreement=agreement,
            kind="missed",
            occasion=timezone.now(),
            email="ana@example.org",
            created_at=timezone.now(),
            message=message,
        )
        subscribe(f"{each.pk}@example.org", agreement)
        webhook = Webhook.objects.create(
            name=f"{ref} {each.pk}", url="https://example.org/", created_at=timezone.now()
        )
        Subscription.objects.create(webhook=webhook)
        Silence.objects.create(
            agreement=agreement,
            deadline=each,
            until_at=timezone.now() + timedelta(days=1),
            reason="x",
            created_at=timezone.now(),
            created_by=User.objects.get_or_create(email="silent@example.org")[0],
        )
        sweep.run(as_of=timezone.now())
    return agreement


@pytest.fixture
def filled(desk: User) -> Agreement:
    """Rows in every table."""
    Team.objects.create(slug="asia", name="Asia")
    create_token(name="dashboard", user=desk, is_read_only=True)
    agreement = fill("first", 3)
    calendar = {"code": "hq", "title": "Head office"}
    days = [{"on": "2026-12-24", "reason": "Christmas Eve"}]
    draft = read(CustomCalendarDraft, {**calendar, "closing_days": days})
    calendars.save(calendar=None, draft=draft)
    run = recomputation.run(as_of=timezone.now())
    assert run is not None
    for deadline in agreement.deadlines.all():
        Proposal.objects.create(
            agreement=agreement,
            deadline=deadline,
            kind="waiver",
            draft={"type": "waiver", "on": "2026-04-01", "note": "x"},
            proposed_at=timezone.now(),
            proposed_by=desk,
        )
    CalendarFeed.objects.create(
        name="phone", owner=desk, token_hash=b"x", created_at=timezone.now()
    )
    JobRun.objects.create(
        kind="audit",
        as_of=timezone.now(),
        started_at=timezone.now(),
        ended_at=timezone.now(),
        counts={"breaches": 3, "alerts": 3},
        problems=[{"about": "breach", "id": 1, "detail": "Nobody was notified."}],
    )
    Outage.objects.create(part="sweep", began_at=timezone.now(), notified_at=timezone.now())
    seals.seal(as_of=timezone.now())
    mistaken = create_agreement(ref="mistaken").agreement
    purges.purge_agreement(agreement=mistaken, reason="x", by=desk, as_of=timezone.now())
    problem: Problem = {"about": "compliance_fact", "id": 1, "detail": "It was changed."}
    seals.record_check(
        started_at=timezone.now(),
        ended_at=timezone.now(),
        deadlines=3,
        facts=3,
        entries=9,
        problems=[problem],
    )
    for deadline in agreement.deadlines.all():
        RecomputedDeadline.objects.create(
            run=run,
            deadline=deadline,
            from_due_at=deadline.due_at,
            to_due_at=timezone.now(),
        )
    return agreement


def names(model: Any) -> str:
    """Return the common prefix of the URL names of a model."""
    return f"admin:{model._meta.app_label}_{model._meta.model_name}"


def test_every_page_opens(browser: Client, filled: Agreement) -> None:
    for model in MODELS:
        name = names(model)
        row = model._default_manager.first()
        assert row is not None or model.__name__ == "Group"
        pages = [reverse(f"{name}_changelist")]
        if row is not None:
            pages.append(reverse(f"{name}_change", args=[row.pk]))
        if model.__name__ not in READ_ONLY:
            pages.append(reverse(f"{name}_add"))
        for page in pages:
            with CaptureQueriesContext(connection) as queries:
                response = browser.get(page)
            assert response.status_code == 200, page
            assert len(queries) <= MOST_QUERIES, page


A_FEW = [Agreement, AuditEntry, Deadline, Fact, Party, Subscription]
a_few_or_all = pytest.mark.parametrize(
    "models",
    [
        pytest.param(A_FEW, id="a few"),
        pytest.param(MODELS, id="all", marks=pytest.mark.exhaustive),
    ],
)


@a_few_or_all
def test_every_search_and_history_opens(
    browser: Client, filled: Agreement, models: list[Any]
) -> None:
    for model in models:
        name = names(model)
        found = browser.get(reverse(f"{name}_changelist"), {"q": "x' <y>"})
        assert found.status_code == 200, name
        row = model._default_manager.first()
        if row is not None:
            history = browser.get(reverse(f"{name}_history", args=[row.pk]), follow=True)
            assert history.status_code == 200, name


@a_few_or_all
def test_a_viewer_can_view_every_page_and_change_nothing(
    viewer: Client, filled: Agreement, models: list[Any]
) -> None:
    for model in models:
        name = names(model)
        row = model._default_manager.first()
        assert viewer.get(reverse(f"{name}_changelist")).status_code == 200, name
        assert viewer.get(reverse(f"{name}_add")).status_code == 403, name
        if row is not None and model.__name__ not in OWN:
            page = reverse(f"{name}_change", args=[row.pk])
            assert viewer.get(page).status_code == 200, page
            assert viewer.post(page, {"email": "x@example.org"}).status_code == 403, page
            deletion = viewer.post(reverse(f"{name}_delete", args=[row.pk]))
            assert deletion.status_code == 403, page


def test_a_user_without_permissions_cannot_view_any_list(filled: Agreement) -> None:
    stranger = Client()
    stranger.force_login(
        User.objects.create_user("new@example.org", "secret", is_staff=True),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    for model in MODELS:
        assert stranger.get(reverse(f"{names(model)}_changelist")).status_code == 403, model
    assert stranger.get(reverse("admin:index")).status_code == 200


def test_a_user_who_is_not_staff_is_sent_to_the_login(db: None) -> None:
    outsider = Client()
    outsider.force_login(
        User.objects.create_user("out@example.org", "secret"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert outsider.get(reverse("admin:index")).status_code == 302


LISTS = [
    "agreement", "alert", "breach", "deadline", "customcalendar", "evidence", "fact", "jobrun",
    "ledgerentry",
    "message", "obligation", "party", "position", "silence", "subscription", "webhook",
]  # fmt: skip


@pytest.mark.parametrize(
    "models",
    [
        pytest.param(["agreement", "deadline", "message"], id="a few"),
        pytest.param(LISTS, id="all", marks=pytest.mark.exhaustive),
    ],
)
def test_longer_lists_take_no_more_queries(
    browser: Client, filled: Agreement, models: list[str]
) -> None:
    pages = [address(model, "changelist") for model in models]
    for page in pages:
        browser.get(page)
    few = {page: _queries(browser, page) for page in pages}
    fill("second", 6)
    assert {page: _queries(browser, page) for page in pages} == few


@pytest.mark.exhaustive
def test_fuller_pages_take_no_more_queries(browser: Client, filled: Agreement) -> None:
    bigger = fill("second", 20)
    for model, small, large in (
        ("agreement", filled.pk, bigger.pk),
        ("deadline", filled.deadlines.first().pk, bigger.deadlines.first().pk),  # type: ignore[union-attr]
    ):
        browser.get(address(model, "change", small))
        few = _queries(browser, address(model, "change", small))
        assert _queries(browser, address(model, "change", large)) == few
    deadline = bigger.deadlines.first()
    assert deadline is not None
    few = _queries(browser, address("deadline", "change", deadline.pk))
    for day in range(1, 8):
        record(deadline, as_of=timezone.now(), type="performance", on=f"2026-04-0{day}")
        state_position(
            deadline, as_of=timezone.now(), party="CHN", verdict="met", on=f"2026-04-0{day}"
        )
    # The evidence of the first fact or position may take one more query.
    assert _queries(browser, address("deadline", "change", deadline.pk)) <= few + 1


def _queries(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def test_user_input_is_escaped_on_every_page(browser: Client, db: None) -> None:
    nasty = "<script>alert(1)</script>"
    deadline = create_agreement(
        obligation(
            title=nasty,
            text=nasty,
            clause=nasty,
            tags=[nasty],
            facts=[{"type": "performance", "on": "2026-02-01", "note": nasty}],
            positions=[{"party": "CHN", "verdict": "met", "on": "2026-02-01", "quote": nasty}],
        ),
        title=nasty,
        evidence=[
            {"ref": "E1", "title": nasty, "kind": "document", "stance": "for", "quote": nasty,
             "obligations": ["O-1"]}
        ],
    )  # fmt: skip
    for page in (
        reverse("admin:index"),
        address("deadline", "changelist"),
        address("deadline", "change", deadline.pk),
        address("deadline", "record_performance", deadline.pk),
        address("deadline", "retract_fact", deadline.pk),
        address("agreement", "changelist"),
        address("agreement", "change", deadline.agreement_id),
        address("agreement", "history", deadline.agreement_id),
        address("obligation", "changelist"),
        address("fact", "changelist"),
        address("position", "changelist"),
        address("evidence", "changelist"),
    ):
        content = browser.get(page).content.decode()
        assert nasty not in content, page
    assert "&lt;script&gt;" in browser.get(address("deadline", "changelist")).content.decode()


def test_no_page_contains_inline_scripts(browser: Client, rare_earths: Deadline) -> None:
    for page in (
        reverse("admin:index"),
        reverse("mfa_index"),
        address("deadline", "change", rare_earths.pk),
        address("agreement", "change", rare_earths.agreement_id),
    ):
        response = browser.get(page, follow=True)
        policy = response["Content-Security-Policy"]
        script = next(each for each in policy.split(";") if each.strip().startswith("script-src"))
        assert "unsafe-inline" not in script
        for tag in response.content.decode().split("<script")[1:]:
            opening = tag.partition(">")[0]
            assert "src=" in opening or "application/json" in opening, page


def test_system_checks_pass_without_a_database() -> None:
    # A new installation is checked before it has tables. pytest-django blocks queries here.
    assert run_checks() == []
