"""Every number on the home page and in lists links to exactly the rows that it counts."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from compliance.domain.vocabulary import Status
from compliance.models import (
    Agreement,
    Deadline,
    JobRun,
    Message,
    Proposal,
    RecomputedDeadline,
    Silence,
    Subscription,
    User,
)
from compliance.operations.deadlines import sweep
from tests.admin.conftest import message_of, standard_webhook
from tests.admin.pages import address
from tests.samples import create_agreement, obligation, record
from tests.shared_worlds import in_one_world

_LINK = re.compile(r'<a\b[^>]*?href="([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
# The links of a row of the overview contain titles and dates, and those of pagination page numbers.
_NUMBER = re.compile(r"(?:Show all )?([\d,]+)(?: alerts)?\b(?!-)")
DAY = timedelta(days=1)


def numbers(page: str) -> set[tuple[int, str]]:
    """Return the numbers that begin the text of a link to a list, each with its address."""
    found = set()
    for href, inner in _LINK.findall(page):
        text = " ".join(unescape(_TAG.sub(" ", inner)).split())
        match = _NUMBER.match(text) or re.search(r"\b([\d,]+)$", text)
        if match and "/admin/" in href and not re.search(r"\?p=|/change/", href):
            found.add((int(match[1].replace(",", "")), unescape(href)))
    return found


def counted(browser: Client, url: str) -> int:
    """Return how many rows a list shows."""
    response = browser.get(url)
    assert response.status_code == 200, url
    return int(response.context["cl"].result_count)


@pytest.fixture
def every_kind(desk: User, db: None) -> datetime:
    """Deadlines of every status in several zones; silences, an archive, messages and proposals."""
    now = timezone.now()

    def on(days: int) -> str:
        return f"{(now + days * DAY).date()}"

    def later(days: int, **more: Any) -> dict[str, Any]:
        return {"due": {"type": "date", "on": on(days), **more}}

    create_agreement(
        obligation("unmet", on(-90)),
        obligation("unmet2", on(-5), severity="critical"),
        obligation("part", on(-9), target_quantity=100),
        obligation("grace", on(-1), grace={"count": 60, "unit": "days"}),
        obligation("met", on(-20)),
        obligation("late", on(-60)),
        obligation("waived", on(20)),
        obligation("cancelled", on(20)),
        obligation("suspended", on(20)),
        obligation("first", **later(1, time="00:30", timezone="Pacific/Kiritimati")),
        obligation("last", **later(29, time="23:30", timezone="Pacific/Pago_Pago")),
        obligation("edge", **later(30, timezone="Pacific/Kiritimati")),
        obligation("beyond", **later(31, timezone="Pacific/Pago_Pago")),
        obligation("far", on(400)),
        obligation("kept", on(20), kind="maintain", starts={"type": "date", "on": on(-30)}),
        obligation("dormant", due={"type": "trigger", "on": {"breach_of": "far"},
                                   "then": {"count": 10, "unit": "days"}}),
        obligation("weekly", due={"type": "recurrence", "rrule": "FREQ=WEEKLY", "start": on(-20)}),
        as_of=now - 100 * DAY,
    )  # fmt: skip
    create_agreement(obligation("other", on(-3)), obligation("soon", on(3)), ref="other",
                     as_of=now - 50 * DAY)  # fmt: skip
    create_agreement(obligation("gone", on(-3)), obligation("comes", on(3)), ref="archived",
                     as_of=now - 50 * DAY)  # fmt: skip
    deadlines = {each.obligation.ref: each for each in Deadline.objects.order_by("-number")}
    facts: list[tuple[str, int, dict[str, Any]]] = [
        ("met", -25, {"type": "performance"}),
        ("late", -30, {"type": "performance"}),
        ("part", -10, {"type": "performance", "quantity": 40}),
        ("waived", -2, {"type": "waiver"}),
        ("cancelled", -2, {"type": "cancellation"}),
        ("suspended", -2, {"type": "suspension"}),
    ]
    for ref, days, fields in facts:
        record(deadlines[ref], as_of=now - DAY, on=on(days), **fields)
    sweep.run(as_of=now)
    Agreement.objects.filter(ref="archived").update(archived_at=now)
    for ref in ("unmet", "soon"):
        Silence.objects.create(
            agreement=deadlines[ref].agreement, deadline=deadlines[ref], reason="Talks",
            created_at=now, until_at=now + DAY, created_by=desk,
        )  # fmt: skip
    for ref in ("met", "comes"):
        Deadline.objects.filter(pk=deadlines[ref].pk).update(quarantine_error="It failed.")
    create_rows(deadlines, desk, now)
    return now


def create_rows(deadlines: dict[str, Deadline], desk: User, now: datetime) -> None:
    """Create a recomputation, proposals, messages and subscriptions."""
    values: dict[str, Any] = {
        "kind": "recomputation", "as_of": now, "started_at": now, "ended_at": now,
        "parameters": {"data_version": "x", "horizon": f"{now.date()}"},
        "counts": {"examined": 3, "moved": 1, "failed": 2},
    }  # fmt: skip
    run = JobRun.objects.create(**values)
    for ref, problem in (("far", ""), ("beyond", "No day."), ("edge", "No day."), ("gone", "No.")):
        RecomputedDeadline.objects.create(run=run, deadline=deadlines[ref], problem=problem)
    for ref, state in (("unmet", "open"), ("soon", "open"), ("gone", "open"), ("far", "withdrawn")):
        decided = {} if state == "open" else {"decided_at": now, "decided_by": desk}
        Proposal.objects.create(
            agreement=deadlines[ref].agreement, deadline=deadlines[ref], kind="waiver", draft={},
            state=state, proposed_at=now, proposed_by=desk, **decided,
        )  # fmt: skip
    message_of(deadlines["gone"], email="desk@example.org")
    Message.objects.update(state="failed")
    webhook = standard_webhook()
    for kind in (True, False):
        Subscription.objects.create(webhook=webhook, is_active=kind, tag=f"{kind}".lower())


def test_every_number_on_the_home_page_links_to_exactly_its_rows(
    browser: Client, every_kind: datetime
) -> None:
    assert {each.status for each in Deadline.objects.all()} >= {
        "dormant", "pending", "holding", "in_grace", "unmet", "partly_met", "met", "met_late",
        "waived", "suspended", "cancelled",
    } & set(Status)  # fmt: skip
    page = browser.get("/admin/").content.decode()
    found = numbers(page)
    for number, url in found:
        assert counted(browser, url) == number, url
    lists = {url.partition("/admin/compliance/")[2] for _, url in found}
    assert {url for url in lists if "attention" in url} == {
        f"deadline/?attention={each}" for each in ("unmet", "due_soon", "quarantined",
                                                   "not_recomputed")
    }  # fmt: skip
    assert {"message/?state__exact=failed", "proposal/?state__exact=open"} <= lists


@in_one_world("model", ["agreement", "webhook", "message", "subscription", "proposal"])
def test_every_number_in_a_list_links_to_exactly_its_rows(
    browser: Client, every_kind: datetime, model: str
) -> None:
    for query in ({}, {"agreement_status": "archived"}) if model == "agreement" else ({},):
        found = numbers(browser.get(address(model, "changelist"), query).content.decode())
        for number, url in found:
            assert counted(browser, url) == number, url
        if model in {"agreement", "webhook"}:
            assert any("__exact" in url for _, url in found)


def test_a_message_counts_the_alerts_of_archived_agreements(
    browser: Client, every_kind: datetime
) -> None:
    message = Message.objects.get(agreement__ref="archived")
    found = numbers(browser.get(address("message", "change", message.pk)).content.decode())
    [(number, url)] = [each for each in found if "message__id" in each[1]]
    assert (number, counted(browser, url)) == (1, 1)
