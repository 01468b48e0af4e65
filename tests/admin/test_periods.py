"""Recording facts about obligations to maintain or refrain, and about agreements."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from compliance.models import Deadline, Fact
from tests.admin.pages import act, address, errors
from tests.samples import create_agreement, obligation, record, utc

REFRAIN: dict[str, Any] = {"kind": "refrain", "due": None}


def page_of(client: Client, deadline: Deadline) -> str:
    """Return the page of a deadline."""
    return str(client.get(address("deadline", "change", deadline.pk)).content.decode())


@pytest.mark.parametrize(
    ("terms", "offered", "missing"),
    [
        ({}, {"record_performance"}, {"record_violation", "record_trigger", "restate_target"}),
        ({"target_quantity": 5}, {"record_performance", "restate_target"}, {"record_violation"}),
        (
            {"target_quantity": 5, "target_bound": "at_most"},
            {"record_measurement", "restate_target"}, {"record_performance"},
        ),
        (
            REFRAIN, {"record_violation"},
            {"record_performance", "record_measurement", "restate_target"},
        ),
        (
            {"due": {"type": "trigger", "on": {"milestone": "m"},
                     "then": {"type": "offset", "count": 1, "unit": "days"}}},
            {"record_trigger"}, {"record_violation"},
        ),
        ({"due": {"type": "undated"}}, {"record_performance"}, {"record_trigger"}),
    ],
)  # fmt: skip
def test_only_buttons_that_apply_to_the_deadline_are_shown(
    browser: Client, terms: dict[str, Any], offered: set[str], missing: set[str]
) -> None:
    deadline = create_agreement(obligation(**terms), milestones=[{"ref": "m"}])

    page = page_of(browser, deadline)

    for action in offered:
        assert address("deadline", action, deadline.pk) in page, action
    for action in missing:
        url = address("deadline", action, deadline.pk)
        assert url not in page, action
        assert browser.get(url).status_code == 403


def test_a_violation_and_its_end_are_recorded(browser: Client) -> None:
    deadline = create_agreement(obligation(**REFRAIN))

    act(browser, deadline, "record_violation", on="2026-03-01", until_on="2026-03-04")

    deadline.refresh_from_db()
    assert deadline.status == "holding"
    assert deadline.breaches.get().end_reason == "cured"
    page = page_of(browser, deadline)
    assert "until the end of 2026-03-04" in page
    assert "The violation ended." in page
    assert "no end date" in page

    act(browser, deadline, "record_violation", on="2026-03-10")
    deadline.refresh_from_db()
    assert deadline.status == "unmet"
    assert "violated for" in page_of(browser, deadline)
    assert "violated for" in browser.get("/admin/").content.decode()


def test_a_measured_value_is_judged_by_the_target(browser: Client) -> None:
    deadline = create_agreement(obligation(**REFRAIN, target_quantity=8, unit="%"))
    assert "The target is at least 8 %." in str(
        browser.get(address("deadline", "record_measurement", deadline.pk)).content.decode()
    )

    act(browser, deadline, "record_measurement", on="2026-03-05", quantity="7.5")

    deadline.refresh_from_db()
    assert (deadline.status, deadline.measured_quantity) == ("unmet", Decimal("7.5"))
    page = page_of(browser, deadline)
    assert "7.5 %; the target is at least 8 %" in page
    assert "A value out of bounds was measured." in page


def test_a_violation_can_end_at_a_time_of_day(browser: Client) -> None:
    deadline = create_agreement(obligation(**REFRAIN))

    act(
        browser, deadline, "record_violation", on="2026-03-01", until_on="2026-03-04",
        until_time="12:00", timezone="UTC",
    )  # fmt: skip

    assert str(Fact.objects.get().until_at) == "2026-03-04 12:00:00+00:00"


def test_a_suspension_that_stops_the_clock_moves_the_due_date(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15"))

    act(
        browser, deadline, "suspend_deadline", on="2099-02-01", until_on="2099-02-10",
        is_tolling="on",
    )  # fmt: skip

    page = page_of(browser, deadline)
    assert "stopping the clock" in page
    assert "2099-03-25 16:00 UTC" in page


@pytest.mark.parametrize(
    ("action", "values", "place", "part"),
    [
        ("suspend_deadline", {"on": "2026-03-05", "until_on": "2026-03-04"}, "until_on", "before"),
        ("suspend_deadline", {"on": "2026-03-05", "until_time": "12:00"}, "until_on", "last day"),
        ("restate_target", {"on": "2026-03-05"}, "quantity", ""),
    ],
)
def test_problems_are_shown_on_their_field(
    browser: Client, action: str, values: dict[str, str], place: str, part: str
) -> None:
    deadline = create_agreement(obligation(target_quantity=100, unit="t"))

    response = act(browser, deadline, action, **values)

    assert response.status_code == 200
    assert part in str(errors(response).get(place) or errors(response))
    assert not Fact.objects.exists()


def test_earlier_performances_count_towards_a_restated_target(browser: Client) -> None:
    deadline = create_agreement(obligation(due_on="2099-03-15", target_quantity=100, unit="t"))
    as_of = utc("2026-03-01T00:00")
    record(deadline, as_of=as_of, type="performance", on="2026-02-20", quantity=40)
    assert "40 of 100 t; an even pace would be " in page_of(browser, deadline)

    act(browser, deadline, "restate_target", on="2026-03-05", quantity="80")

    deadline.refresh_from_db()
    assert deadline.target_quantity == Decimal(80)
    page = page_of(browser, deadline)
    assert "40 of 80 t" in page
    assert "Restatement</strong> to 80 t" in page


def test_the_ambiguous_window_of_a_two_sided_date_is_shown(browser: Client) -> None:
    due = {"type": "date", "on": "2099-03-15", "is_two_sided": True}
    deadline = create_agreement(obligation(due=due))

    page = page_of(browser, deadline)

    assert "On time or late, depending on the time zone" in page
    assert "2099-03-15 16:00 UTC" in page
    assert "2099-03-15 23:00 UTC" in page


def test_an_ambiguous_status_has_a_badge(browser: Client) -> None:
    deadline = create_agreement()
    Deadline.objects.filter(pk=deadline.pk).update(is_ambiguous=True)

    assert "is-ambiguous" in page_of(browser, deadline)
    listing = browser.get(address("deadline", "changelist"), {"is_ambiguous__exact": "1"})
    assert listing.context["cl"].result_count == 1


def test_an_agreement_is_suspended_terminated_and_the_suspension_retracted(browser: Client) -> None:
    deadline = create_agreement(
        obligation(due_on="2099-03-15"),
        obligation(ref="O-2", due_on="2099-03-15", survives_termination=True),
    )
    agreement = deadline.agreement
    survivor = agreement.deadlines.get(obligation__ref="O-2")

    def standings() -> list[str]:
        return [each.status for each in agreement.deadlines.order_by("id")]

    def post(action: str, **values: str) -> None:
        response = browser.post(address("agreement", action, agreement.pk), values)
        assert response.status_code == 302, errors(response)

    shown = browser.get(address("agreement", "suspend_agreement", agreement.pk)).content.decode()
    assert "Open deadlines affected: 1." in shown
    post("suspend_agreement", on="2026-03-01", note="War")
    assert standings() == ["suspended", "pending"]
    assert "of the agreement" in page_of(browser, deadline)
    assert "War" not in page_of(browser, survivor)
    post("retract_agreement_fact", fact=str(Fact.objects.get().pk))
    assert standings() == ["pending", "pending"]
    post("terminate_agreement", on="2026-04-01")
    assert standings() == ["cancelled", "pending"]
    assert "The agreement was terminated." in page_of(browser, deadline)
    assert "Agreement supply" in browser.get(address("fact", "changelist")).content.decode()


def test_a_viewer_cannot_suspend_or_terminate_an_agreement(viewer: Client) -> None:
    agreement = create_agreement().agreement

    for action in ("suspend_agreement", "terminate_agreement", "retract_agreement_fact"):
        url = address("agreement", action, agreement.pk)
        assert viewer.post(url, {"on": "2026-03-01"}).status_code == 403
    assert not Fact.objects.exists()


def test_dormant_deadlines_are_listed_last(browser: Client) -> None:
    rule = {"type": "offset", "from": {"milestone": "m"}, "count": 1, "unit": "days"}
    create_agreement(
        obligation(ref="dormant", due=rule),
        obligation(ref="open", due_on="2099-03-15"),
        obligation(ref="endless", **REFRAIN),
        obligation(ref="late", due_on="2026-02-15"),
        milestones=[{"ref": "m"}],
        as_of=utc("2026-04-01T00:00"),
    )
    listing = address("deadline", "changelist")

    def refs(**query: str) -> list[str]:
        rows = browser.get(listing, query).context["cl"].result_list
        return [row.obligation.ref for row in rows]

    assert refs() == ["late", "open", "endless", "dormant"]
    assert refs(o="2")[:2] == ["late", "open"]
    assert refs(o="-2")[:2] == ["open", "late"]


def test_the_timeline_shows_what_happened_in_a_month_without_a_day(browser: Client) -> None:
    done = {"type": "performance", "on": "2026-05"}
    deadline = create_agreement(
        obligation("A", "2026-03-15", facts=[done]), as_of=utc("2026-08-01T00:00")
    )
    page = browser.get(f"/admin/compliance/deadline/{deadline.pk}/change/").content.decode()
    timeline = page.partition("<h2>Timeline</h2>")[2].partition("</section>")[0]
    assert "<p>May 2026</p>" in timeline
    assert "2026-05-01" not in timeline
