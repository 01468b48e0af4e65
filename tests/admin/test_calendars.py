"""Custom calendars, and the recomputations of due dates."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from compliance.models import Agreement, CustomCalendar, Proposal, RecomputedDeadline
from compliance.operations.deadlines import recomputation
from tests.admin.conftest import logged_in
from tests.admin.pages import address, errors, filled_in
from tests.reserved_agreement import member, reserve
from tests.samples import create_agreement, obligation


def calendar_form(*days: tuple[str, str], **values: Any) -> dict[str, Any]:
    """Return what the page posts for a new calendar."""
    rows = {
        f"closing_days-{index}-{name}": value
        for index, day in enumerate(days)
        for name, value in zip(("on", "reason"), day, strict=True)
    }
    return {
        "code": "hq",
        "title": "Head office",
        "weekend": ["4", "5"],
        "closing_days-TOTAL_FORMS": str(len(days)),
        "closing_days-INITIAL_FORMS": "0",
        **rows,
        **values,
    }


def enter(client: Client, *days: tuple[str, str], **values: Any) -> Any:
    """Post a new calendar."""
    return client.post(address("customcalendar", "add"), calendar_form(*days, **values))


def test_a_calendar_is_added_with_its_closing_days(browser: Client) -> None:
    response = enter(browser, ("2026-12-24", "Christmas Eve"), ("2026-12-31", "Stocktaking"))

    assert response.status_code == 302, errors(response)
    calendar = CustomCalendar.objects.get()
    assert (str(calendar), calendar.weekend) == ("custom:hq", [4, 5])
    assert [str(day) for day in calendar.closing_days.all()] == [
        "2026-12-24 Christmas Eve",
        "2026-12-31 Stocktaking",
    ]


def test_a_calendar_can_be_open_on_all_weekdays(browser: Client) -> None:
    assert enter(browser, weekend=[]).status_code == 302
    assert CustomCalendar.objects.get().weekend == []


@pytest.mark.parametrize(
    ("days", "values", "place", "part"),
    [
        ((), {"code": "H Q"}, "code", ""),
        ((("2026-02-30", "x"),), {}, "closing_days-0-on", "does not exist"),
        ((("2026-12-24", "x"), ("2026-12-24", "y")), {}, "closing_days", "only once"),
    ],
)
def test_problems_are_shown_on_their_field(
    browser: Client,
    days: tuple[tuple[str, str], ...],
    values: dict[str, str],
    place: str,
    part: str,
) -> None:
    response = enter(browser, *days, **values)

    assert response.status_code == 200
    assert part in " ".join(errors(response)[place])
    assert not CustomCalendar.objects.exists()


def test_changing_a_calendar_moves_open_deadlines_and_shows_the_move(browser: Client) -> None:
    enter(browser, ("2098-12-24", "Christmas Eve"), weekend=["5", "6"])
    calendar = CustomCalendar.objects.get()
    # Recompute first whatever is out of date for other reasons.
    due = {"type": "offset", "from": {"date": "2099-06-01"}, "count": 1, "unit": "days",
           "roll": "following", "calendars": ["custom:hq"]}  # fmt: skip
    deadline = create_agreement(obligation(due=due))
    recomputation.run(as_of=timezone.now())
    url = address("customcalendar", "change", calendar.pk)
    values = {
        **filled_in(browser, url),
        "closing_days-TOTAL_FORMS": "2",
        "closing_days-1-on": "2099-06-02",
        "closing_days-1-reason": "Moving house",
    }

    response = browser.post(url, values, follow=True)

    assert "recomputed within a minute" in response.content.decode()
    assert calendar.closing_days.count() == 2
    recomputation.run(as_of=timezone.now())
    deadline.refresh_from_db()
    assert str(deadline.due_on) == "2099-06-03"
    recomputed = RecomputedDeadline.objects.get()
    page = browser.get(address("jobrun", "change", recomputed.run_id)).content.decode()
    assert "2099-06-02 16:00 UTC" in page
    assert "2099-06-03 16:00 UTC" in page
    page = browser.get(address("deadline", "change", deadline.pk)).content.decode()
    assert "Moved on" in page
    assert "Moving house" in page


def test_a_calendar_cannot_be_deleted_and_keeps_its_code(browser: Client) -> None:
    enter(browser)
    calendar = CustomCalendar.objects.get()
    url = address("customcalendar", "change", calendar.pk)

    assert browser.post(address("customcalendar", "delete", calendar.pk)).status_code == 403
    assert browser.post(url, {**filled_in(browser, url), "code": "other"}).status_code == 302
    assert CustomCalendar.objects.get().code == "hq"


def test_saving_one_page_of_closing_days_keeps_the_others(browser: Client) -> None:
    days = [(f"2026-{month:02}-{day:02}", "x") for month in range(1, 7) for day in range(1, 22)]
    assert enter(browser, *days).status_code == 302
    calendar = CustomCalendar.objects.get()
    url = address("customcalendar", "change", calendar.pk)

    values = {**filled_in(browser, url), "closing_days-0-DELETE": "on"}
    assert values["closing_days-TOTAL_FORMS"] == 100
    assert browser.post(url, values).status_code == 302

    assert calendar.closing_days.count() == len(days) - 1


def test_in_an_organisation_with_teams_other_closing_days_need_approval_in_any_case(
    browser: Client,
) -> None:
    enter(browser, ("2098-12-24", "Christmas Eve"))
    calendar = CustomCalendar.objects.get()
    user = member("ana@example.org", "asia", is_staff=True)
    user.groups.add(Group.objects.get(name="analyst"))
    due = {"type": "offset", "from": {"date": "2099-06-01"}, "count": 1, "unit": "days",
           "roll": "following", "calendars": ["custom:hq"]}  # fmt: skip
    hidden = create_agreement(obligation(due=due)).agreement
    reserve(hidden, "europe")
    url, client = address("customcalendar", "change", calendar.pk), logged_in(user)
    changed = filled_in(client, url) | {"closing_days-0-on": "2098-12-23"}
    # The answer does not depend on agreements that the user does not see.
    for requires_approval in (True, False):
        Agreement.objects.update(requires_approval=requires_approval)
        assert client.post(url, changed).status_code == 302
    assert {str(day.on) for day in calendar.closing_days.all()} == {"2098-12-24"}
    first, second = Proposal.objects.all()
    assert first.effect == second.effect == "Deadlines that use custom:hq could move."
    # Whoever sees everything learns what requires it.
    assert browser.post(url, changed).status_code == 302
    assert {str(day.on) for day in calendar.closing_days.all()} == {"2098-12-23"}
