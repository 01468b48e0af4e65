"""Stored time zones and calendars that a newer release of the libraries no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance import delivery
from compliance.api.urls import urlpatterns
from compliance.domain.alerts.drafts import CalendarFeedDraft
from compliance.domain.drafts import read
from compliance.domain.vocabulary import Status
from compliance.models import Agreement, Alert, Breach, Deadline, Message, Obligation, User
from compliance.operations.alerts import calendar_feeds
from compliance.operations.deadlines import recomputation, sweep
from tests.admin.test_every_page import MODELS, fill
from tests.api.answers import BASE, get, patch, post, rows
from tests.samples import (
    create_agreement,
    deadline_of,
    obligation,
    record_agreement_fact,
    subscribe,
    utc,
)
from tests.shared_worlds import in_one_world

pytestmark = pytest.mark.django_db

ZONE = "Pacific/Enderbury-New"
CALENDAR = "DE-ZZ"

# As after an update to a release of the libraries without these names.
DROP = [
    "UPDATE compliance_deadline SET timezone = %(zone)s",
    "UPDATE compliance_party SET timezone = %(zone)s",
    "UPDATE compliance_agreement SET timezone = %(zone)s, calendars = ARRAY[%(calendar)s]",
    "UPDATE compliance_subscription SET timezone = %(zone)s",
    """UPDATE compliance_obligation
       SET due = due || jsonb_build_object('timezone', %(zone)s::text)
       WHERE due->>'type' IN ('date', 'offset', 'recurrence')""",
    """UPDATE compliance_obligation
       SET due = due || jsonb_build_object('calendars', jsonb_build_array(%(calendar)s::text))
       WHERE due->>'type' IN ('offset', 'recurrence')""",
    """UPDATE compliance_deadline AS d SET moves = (
           SELECT jsonb_agg(CASE WHEN m->'due' <> 'null' THEN jsonb_set(
               m, '{due,timezone}', to_jsonb(%(zone)s::text)) ELSE m END)
           FROM jsonb_array_elements(moves) AS m)
       WHERE moves IS NOT NULL""",
]


def drop() -> None:
    with connection.cursor() as cursor:
        for statement in DROP:
            cursor.execute(statement, {"zone": ZONE, "calendar": CALENDAR})


@pytest.fixture
def dropped(geneva: Agreement, desk: User) -> Agreement:
    """Store rows in most tables that name the unknown zone and calendar."""
    after = {"type": "offset", "count": 10, "unit": "days", "from": {"deadline": "O-0"}}
    monthly = {"type": "recurrence", "rrule": "FREQ=MONTHLY;COUNT=3", "start": "2026-01-31"}
    agreement = fill("first", 2)
    create_agreement(
        obligation("after", due=after | {"from": {"date": "2026-03-01"}}),
        obligation("monthly", due=monthly),
        obligation("triggered", due={"type": "trigger", "on": {"breach_of": "after"},
                           "then": {"type": "offset", "count": 3, "unit": "days"}}),
        ref="rules",
    )  # fmt: skip
    sweep.run(as_of=timezone.now())
    drop()
    return agreement


def addresses() -> Iterator[str]:
    """Yield every list and detail route of the API."""
    for pattern in urlpatterns:
        route = str(pattern.pattern)
        actions = getattr(pattern.callback, "actions", None) or {}
        if "get" in actions and "files" not in route and "<id:revision>" not in route:
            yield route


EVERY = sorted(set(addresses()))
FEW = [route for route in EVERY if route.startswith("deadlines/") or "<" not in route]
QUERIES = {
    "changes/between/": {"since": "2025-01-01", "until": "2026-06-01"},
    "summary/": {"measures": "median_days_late,median_days_to_cure,oldest_open_days"},
    "trend/": {"from": "2025"},
    "reciprocity/": {"parties": "CHN,ACME"},
}


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param(FEW, id="a few"),
        pytest.param(EVERY, id="all", marks=pytest.mark.exhaustive),
    ],
)
def test_every_list_and_detail_of_the_api_can_be_read(
    api: Client, dropped: Agreement, routes: list[str]
) -> None:
    for route in routes:
        name = route.split("/", maxsplit=1)[0]
        for found in _filled(api, route, name):
            response = api.get(BASE + found, QUERIES.get(route, {}))
            assert response.status_code == 200, (found, response.content)


def _filled(api: Client, route: str, name: str) -> list[str]:
    if "<" not in route:
        return [route]
    listed = api.get(f"{BASE}{name}/").json()["results"]
    start, _, rest = route.partition("<")
    tail = rest.partition(">")[2]
    keys = [row.get("id") or row.get("code") or row["ref"] for row in listed]
    key = {"agreements": "ref", "parties": "code"}.get(name)
    keys = [row[key] for row in listed] if key else keys
    return [f"{start}{each}{tail}" for each in keys]


@pytest.mark.parametrize(
    ("models", "most"),
    [
        pytest.param([Agreement, Deadline, Obligation], 2, id="a few"),
        pytest.param(MODELS, 10, id="all", marks=pytest.mark.exhaustive),
    ],
)
def test_every_admin_page_opens(
    desk: User, dropped: Agreement, models: list[Any], most: int
) -> None:
    browser = Client()
    browser.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    pages = [reverse("admin:index")]
    for model in models:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        pages.append(reverse(f"{name}_changelist"))
        pages += [reverse(f"{name}_change", args=[pk]) for pk in _keys(model, most)]
    for page in pages:
        assert browser.get(page, follow=True).status_code == 200, page


def _keys(model: Any, most: int) -> list[Any]:
    keys = list(model._default_manager.values_list("pk", flat=True))
    # Both agreements, the example and the one with every due rule.
    half = most // 2
    return [*keys[:half], *keys[half:][-half:]]


def test_breaches_are_detected_and_mailed_in_utc_with_a_warning(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    deadline = create_agreement()
    subscribe()
    drop()
    at = utc("2026-03-20T00:00")
    sweep.run(as_of=at)
    deadline.refresh_from_db()
    assert deadline.quarantine_error == ""
    assert deadline.status == Status.UNMET
    delivery.deliver(as_of=at)
    [sent] = mail.outbox
    body = " ".join(sent.body.split())
    assert f"Sunday, 15 March 2026, 16:00 (UTC); the time zone {ZONE} is unknown" in body
    assert Message.objects.get().state == "sent"
    sweep.run(as_of=at + timedelta(days=1))
    delivery.deliver(as_of=at + timedelta(days=1))
    assert Alert.objects.filter(kind="escalated", message__state="sent").exists()


def test_a_deadline_whose_days_cannot_be_placed_is_quarantined_and_delays_no_other() -> None:
    create_agreement(obligation("O-1"), obligation("O-2"))
    record_agreement_fact(
        as_of=utc("2026-03-01T00:00"), type="suspension", on="2026-03-02", until="2026-03-05"
    )
    Deadline.objects.filter(obligation__ref="O-1").update(timezone=ZONE)
    sweep.run(as_of=utc("2026-04-01T00:00"))
    bad, good = deadline_of("O-1"), deadline_of("O-2")
    assert ZONE in bad.quarantine_error
    assert bad.status == Status.PENDING
    assert (good.status, good.quarantine_error) == (Status.UNMET, "")
    assert Breach.objects.get().deadline == good


def test_the_api_and_the_admin_warn_of_an_unknown_zone(api: Client, desk: User) -> None:
    deadline = create_agreement()
    drop()
    found = get(api, f"deadlines/{deadline.pk}/")
    assert any(ZONE in warning for warning in found["warnings"])
    assert found["due_at"] == "2026-03-15T16:00:00Z"
    browser = Client()
    browser.force_login(desk, backend="django.contrib.auth.backends.ModelBackend")
    for page in ("changelist", "change"):
        args = [deadline.pk] if page == "change" else []
        shown = browser.get(reverse(f"admin:compliance_deadline_{page}", args=args))
        assert f"UTC, because the time zone {ZONE} is unknown" in shown.content.decode()


def test_days_late_and_to_cure_are_measured_although_one_zone_is_unknown(api: Client) -> None:
    create_agreement(obligation("O-1"), obligation("O-2"), obligation("O-3"))
    sweep.run(as_of=utc("2026-03-20T00:00"))
    for ref, at in (("O-1", "2026-03-18T16:00:00Z"), ("O-2", "2026-03-20T16:00:00Z")):
        fact = {"deadline": deadline_of(ref).pk, "type": "performance", "at": at}
        post(api, "facts/", fact)
    question = {**QUERIES["summary/"], "group_by": "agreement"}
    past = {**question, "as_of": "2026-03-25T16:00:00Z"}
    before = [get(api, "summary/", **each)["results"] for each in (question, past)]
    assert before[1][0]["oldest_open_days"] == 10
    Deadline.objects.filter(obligation__ref__in=["O-1", "O-3"]).update(timezone=ZONE)
    after = [get(api, "summary/", **each)["results"] for each in (question, past)]
    assert after == before


def test_a_calendar_feed_keeps_its_deadlines(client: Client) -> None:
    create_agreement(
        obligation(due_on=str(timezone.now().date() + timedelta(days=30))), as_of=timezone.now()
    )
    owner = User.objects.create_superuser("ana@example.org", "secret")
    _, token = calendar_feeds.create(
        draft=read(CalendarFeedDraft, {"name": "phone"}), owner=owner, as_of=utc("2026-03-01T00:00")
    )
    drop()
    response = client.get(reverse("calendar_feed", args=[token]))
    assert response.status_code == 200
    assert b"BEGIN:VEVENT" in response.content


def test_dates_in_an_unknown_zone_are_rejected_with_advice(api: Client) -> None:
    deadline = create_agreement(obligation("O-1", due={"type": "date", "on": "2026-03-15"}))
    drop()
    fact = {"deadline": deadline.pk, "type": "performance"}
    refused = post(api, "facts/", {**fact, "on": "2026-03-10"}, 400)
    assert [error["path"] for error in refused["errors"]] == ["on"]
    assert ZONE in refused["errors"][0]["detail"]
    post(api, "facts/", {**fact, "at": "2026-03-10T12:00:00Z"})
    position = {"deadline": deadline.pk, "party": "CHN", "verdict": "met", "on": "2026-03-10"}
    post(api, "positions/", position, 400)
    post(api, "obligations/", {"agreement": "supply", **obligation("O-2")}, 400)
    address = f"obligations/{deadline.obligation_id}/"
    patch(api, address, {"title": "Other"}, 400)
    patch(api, address, {"due": {"type": "date", "on": "2026-04-15"}}, 400)
    preview = {"rule": {"type": "date", "on": "2026-04-15"}, "agreement": "supply"}
    post(api, "due-rules/preview/", preview, 400)
    # A fact about an agreement needs no zone: its days begin in the zone of each deadline.
    suspension = {"agreement": "supply", "type": "suspension", "on": "2026-03-02"}
    post(api, "facts/", suspension)
    patch(api, "agreements/supply/", {"title": "Other"}, 400)


def test_everything_works_again_when_the_zone_is_corrected(api: Client) -> None:
    deadline = create_agreement()
    before = deadline.due_at
    drop()
    Agreement.objects.update(calendars=[])
    due = {**obligation()["due"], "timezone": "Asia/Shanghai"}
    patch(api, f"obligations/{deadline.obligation_id}/", {"due": due})
    for code in ("CHN", "ACME"):
        patch(api, f"parties/{code}/", {"timezone": "Asia/Shanghai"})
    patch(api, "agreements/supply/", {"timezone": "Asia/Shanghai"})
    found = deadline_of("O-1")
    assert found.timezone == "Asia/Shanghai"
    assert found.due_at == before
    post(api, "facts/", {"deadline": deadline.pk, "type": "performance", "on": "2026-03-10"})


def test_obligations_can_be_edited_again_when_the_calendars_are_corrected(api: Client) -> None:
    deadline = create_agreement(calendars=["DE-BY"])
    Agreement.objects.update(calendars=[CALENDAR])
    patch(api, f"obligations/{deadline.obligation_id}/", {"title": "Other"}, 400)
    patch(api, "agreements/supply/", {"calendars": ["DE-BY"]})
    patch(api, f"obligations/{deadline.obligation_id}/", {"title": "Other"})


def test_a_recomputation_reports_the_deadlines_that_it_cannot_compute() -> None:
    create_agreement()
    create_agreement(ref="other")
    drop()
    run = recomputation.run(as_of=utc("2026-03-01T00:00"))
    assert run is not None
    Deadline.objects.update(data_version="")
    run = recomputation.run(as_of=utc("2026-03-02T00:00"))
    assert run is not None
    assert run.counts["failed"] == 2
    assert all(ZONE in move.problem for move in run.recomputed_deadlines.all())


@in_one_world("path", ["agreements/", "deadlines/", "breaches/"])
def test_past_states_can_be_read(api: Client, dropped: Agreement, path: str) -> None:
    assert rows(api, path, **({} if path == "agreements/" else {"as_of": "2026-06-01T00:00:00Z"}))
